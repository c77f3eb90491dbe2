#!/usr/bin/env python3
# ctest: TIMEOUT 300 KAFKA
"""The week of flights survives kills when it runs on Kafka: three services, requests and responses, one report."""
import os
import pathlib
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
source = pathlib.Path(os.environ.get("EVENTY_SOURCE_DIR", here.parents[1]))
binary = pathlib.Path(os.environ.get("EVENTY_BIN_DIR", source / "build/release/bin")) / "flights"
week = source / "examples/flights/data/week.csv"
KILLS = 12

sys.exit(subprocess.run([here / "kill_flights.py", "--binary", binary, "--input", week, "--kills", str(KILLS), "--rows-per-poll", "5", "--kafka",
                         os.environ.get("EVENTY_KAFKA", "127.0.0.1:19092"), *sys.argv[1:]]).returncode)
