#!/usr/bin/env python3
# ctest: TIMEOUT 600
"""The week of flights survives 30 kills; before that, the judge shows that it can fail."""
import os
import pathlib
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
source = pathlib.Path(os.environ.get("EVENTY_SOURCE_DIR", here.parents[1]))
binary = pathlib.Path(os.environ.get("EVENTY_BIN_DIR", source / "build/release/bin")) / "flights"
week = source / "examples/flights/data/week.csv"

subprocess.run([here / "kill_flights.py", "--self-check"], check=True)
sys.exit(subprocess.run([here / "kill_flights.py", "--binary", binary, "--input", week, *sys.argv[1:]]).returncode)
