#!/usr/bin/env python3
# ctest: KAFKA TIMEOUT 120
"""A week of flights on Kafka by configuration alone: the report is exact with no node running and beside one, a second
node on the same folder is told who holds it, and without its copies of states a node begins them again."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
import flights_oracle  # noqa: E402

source = pathlib.Path(os.environ.get("EVENTY_SOURCE_DIR", here.parents[1]))
binary = pathlib.Path(os.environ.get("EVENTY_BIN_DIR", source / "build/release/bin")) / "flights"
week = source / "examples/flights/data/week.csv"
PATIENCE = 60
failures = 0


def check(what, holds, otherwise=""):
    global failures
    failures += not holds
    print(f"{'ok    ' if holds else 'FAILED'} {what}{'' if holds else ': ' + otherwise}", flush=True)


def main(folder):
    settings = ["--config", source / "config/kafka.toml", "--set",
                f"kafka.bootstrap={os.environ.get('EVENTY_KAFKA', '127.0.0.1:19092')}", "--set",
                f"kafka.prefix={folder.name}-", "--data", folder / "data"]
    run = [binary, "run", "--input", week, *settings]
    expected = flights_oracle.report(week)

    def until_idle():
        done = subprocess.run([*run, "--until-idle"], capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, done.stderr

    def check_report(when):
        done = subprocess.run([binary, "report", *settings, "--json"], capture_output=True, text=True, timeout=PATIENCE)
        check(f"the report is exact {when}", done.stdout.strip() == expected, done.stdout + done.stderr)

    code, said = until_idle()
    check("the week runs to its end", code == 0, said)
    check_report("with no node running")

    node = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        while " running " not in node.stderr.readline():
            if node.poll() is not None:
                raise RuntimeError("the node ended by itself")
        check_report("beside a node")
        code, said = until_idle()
        check("a second node on the folder is refused", code == 1 and f"process {node.pid}" in said, said)
        check("and the first one goes on", node.poll() is None)
        node.send_signal(signal.SIGTERM)
        check("and drains", node.wait(PATIENCE) == 0)
    finally:
        node.kill()
        node.wait()

    shutil.rmtree(folder / "data")
    code, said = until_idle()
    check("a node without its copies goes on", code == 0, said)
    check("and has them again", any((folder / "data").glob("states/CURRENT")))
    check_report("after that")
    return failures != 0


if __name__ == "__main__":
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="eventy-kafka-flights-") as name:
        result = main(pathlib.Path(name))
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(result)
