#!/usr/bin/env python3
# ctest: TIMEOUT 300
"""A node that is told to end in the midst of a long restore ends at once, in good order, and the next one goes on."""
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import own_broker  # noqa: E402

KEYS = 1_500_000
MOST_SECONDS = 2  # of the end: without a stop, the restore alone would take longer on a machine that is busy

checks = own_broker.Checks()
with own_broker.Broker() as broker, tempfile.TemporaryDirectory(prefix="eventy-restore-") as name:
    data = pathlib.Path(name) / "data"
    on = own_broker.on_kafka(broker.bootstrap, topics__partitions=8, node__id="one")

    def until_idle():
        return own_broker.counter("run", *on, "--data", data, "--until-idle", timeout=200)

    own_broker.counter("feed", *on, "--records", str(KEYS), "--keys", str(KEYS))
    checks.check("the states are made", until_idle().returncode == 0)
    shutil.rmtree(data)
    node = subprocess.Popen([own_broker.binaries / "counter", "run", *on, "--data", data, "--set", "log.level=debug"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in node.stderr:
        if "their states are restored now" in line:
            break
    time.sleep(0.2)
    began = time.monotonic()
    node.send_signal(signal.SIGTERM)
    said = node.stderr.read()
    code, took = node.wait(), time.monotonic() - began
    checks.check("it is told to end before its states are restored", said.count("is restored") < 8, said)
    checks.check("and ends with 0", code == 0, f"{code}: {said}")
    checks.check(f"within {MOST_SECONDS} s", took < MOST_SECONDS, f"{took:.2f} s")
    print(f"       it took {took:.2f} s")
    done = until_idle()
    checks.check("the next one goes on", done.returncode == 0, done.stderr)
sys.exit(checks.end())
