#!/usr/bin/env python3
# ctest: LABELS long TIMEOUT 3600
"""The year of flights survives 30 kills."""
import os
import pathlib
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
source = pathlib.Path(os.environ.get("EVENTY_SOURCE_DIR", here.parents[1]))
binary = pathlib.Path(os.environ.get("EVENTY_BIN_DIR", source / "build/release/bin")) / "flights"
year = source / "build/data/flights.csv.zip"

subprocess.run([source / "examples/flights/fetch", year], check=True)
sys.exit(subprocess.run([here / "kill_flights.py", "--binary", binary, "--input", year,
                         "--rows-per-poll", "1000", *sys.argv[1:]]).returncode)
