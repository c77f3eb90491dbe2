#!/usr/bin/env python3
# ctest: LABELS long TIMEOUT 5400 SERIAL KAFKA
"""The conformance suites, the actors' tests and a campaign on Kafka under ThreadSanitizer: no report.

    tsan_test.py [REGEX]      only the tests whose names match; KILLS in the environment, of the campaign

Reports are in build/tsan/reports, also those of nodes that are killed afterwards; README.md of this folder says which count.
"""
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys

import reports

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/tsan"
REPORTS = BUILD / "reports"
EDGES = BUILD / "lib/libhidden_edges.so"
TESTS = "^(conformance/|unit/actors_|unit/write_behind$|faults/kafka_kills_test$)"
SHOWN = 10  # reports, at most
OPTIONS = {
    "log_path": REPORTS / "report",
    "history_size": 7,  # of a thread, so that the other side of a race still has its stack
    "second_deadlock_stack": 1,
    "exitcode": 0,  # the reports count: a test that kills its nodes would not see their exit codes
}


def build():
    BUILD.mkdir(parents=True, exist_ok=True)
    with open(BUILD / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["cmake", "--preset", "tsan"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["cmake", "--build", "--preset", "tsan"], cwd=ROOT, check=True)


def run(tests):
    """Runs them without address randomisation, which the sanitizer of GCC 12 does not bear on newer kernels. The broker
    is that of the tests around it."""
    environment = {**os.environ, "LD_PRELOAD": str(EDGES), "KILLS": os.environ.get("KILLS", "5"),
                   "TSAN_OPTIONS": ":".join(f"{name}={value}" for name, value in OPTIONS.items())}
    for name in ("EVENTY_BIN_DIR", "EVENTY_BUILD_DIR"):
        environment.pop(name, None)
    return subprocess.run(["setarch", "-R", "ctest", "--test-dir", BUILD, "-R", tests, "-FA", "^kafka$", "--no-tests=error",
                           "--output-on-failure"], env=environment).returncode


def main():
    reports.self_check()
    build()
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir()
    failed = run(sys.argv[1] if len(sys.argv) > 1 else TESTS)
    known = reports.suppressions(ROOT / "tests/tsan/suppressions.txt")
    found = [(file, report) for file in sorted(REPORTS.iterdir()) for report in reports.reports(file.read_text(errors="replace"))]
    true = [(file, report) for file, report in found if not reports.is_false(report, known)]
    for file, report in true[:SHOWN]:
        print(f"{file}:\n{report[:6000]}\n")
    print(f"{len(found)} reports, {len(true)} of them not suppressed")
    return 1 if failed or true else 0


if __name__ == "__main__":
    sys.exit(main())
