#!/usr/bin/env python3
# ctest: TIMEOUT 120
"""The flights program on a disk that fills up: it waits for room, goes on by itself, and has counted right."""
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
import flights_oracle  # noqa: E402

source = pathlib.Path(os.environ.get("EVENTY_SOURCE_DIR", here.parents[1]))
binary = pathlib.Path(os.environ.get("EVENTY_BIN_DIR", source / "build/release/bin")) / "flights"
week = source / "examples/flights/data/week.csv"
REFUSED = "is done again"  # the warning of an undone cycle, with the free and the needed room
REFUSALS = 3  # before room is made
PATIENCE = 60


def main(disk):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", disk], stderr=subprocess.DEVNULL).returncode:
        print("skipped: no permission to mount a small file system")
        return 0
    try:
        data = disk / "data"
        command = [binary, "run", "--input", week, "--data", data, "--until-idle", "--set", "log.level=warning"]
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        watchdog = threading.Timer(PATIENCE, run.kill)
        watchdog.start()
        refused = 0
        for line in run.stderr:
            if REFUSED not in line or "MiB are free" not in line:
                print("  ", line, end="")
                continue
            refused += 1
            if refused == REFUSALS:
                print("  ", line, end="")
                subprocess.run(["mount", "-o", "remount,size=512m", disk], check=True)
        code = run.wait()
        watchdog.cancel()
        print(f"{refused} cycles were undone, exit code {code}")
        if refused < REFUSALS or code != 0:
            return 1
        report = subprocess.run([binary, "report", "--data", data, "--json"], capture_output=True, text=True)
        right = report.stdout.strip() == flights_oracle.report(week)
        print("the report is right" if right else f"FAILED: the report says {report.stdout} {report.stderr}")
        return 0 if right else 1
    finally:
        subprocess.run(["umount", "--lazy", disk])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="eventy-full-disk-") as folder:
        sys.exit(main(pathlib.Path(folder)))
