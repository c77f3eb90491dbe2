#!/usr/bin/env python3
# ctest: TIMEOUT 120
"""A node on many small feeds at a low limit of open files: it raises its soft limit and works; below what it needs it says how much that is."""
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

source = pathlib.Path(os.environ.get("EVENTY_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
counter = pathlib.Path(os.environ.get("EVENTY_BIN_DIR", source / "build/release/bin")) / "counter"
FEEDS = 160
ENOUGH, TOO_FEW = 128, 64  # open files
KAFKA = ["--set", "store.type=kafka", "--set", "kafka.bootstrap=127.0.0.1:1"]  # it does not come so far


def run(data, soft, hard, *options):
    return subprocess.run([counter, "run", "--data", data, "--until-idle", *options], capture_output=True, text=True, timeout=60,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)))


def check(what, result, code, text=""):
    if result.returncode == code and text in result.stdout + result.stderr:
        print(f"{what}: right")
        return 0
    print(f"FAILED: {what}: exit code {result.returncode} instead of {code}\n{result.stdout}{result.stderr}")
    return 1


def main(data):
    for _ in range(FEEDS):
        subprocess.run([counter, "feed", "--data", data, "--records", "100"], check=True, stdout=subprocess.DEVNULL)
    print(f"{FEEDS} feeds left {len(list((data / 'db').iterdir()))} files")
    return (check("far below what is needed", run(data, TOO_FEW, TOO_FEW), 78, "raise the limit to 256")
            or check("enough, if only the node takes it", run(data, TOO_FEW, ENOUGH), 0)
            or check("once more", run(data, ENOUGH, ENOUGH), 0)
            or check("on Kafka, whose connections count too", run(data.parent / "copies", ENOUGH, ENOUGH, *KAFKA), 78,
                     "needs 160 open files"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="eventy-open-files-") as folder:
        sys.exit(main(pathlib.Path(folder) / "data"))
