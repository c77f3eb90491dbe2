#!/usr/bin/env python3
# ctest: KAFKA TIMEOUT 120
"""A start at an address where no broker answers: the log says so long before the request timeout. Where one answers, it
says nothing.

    kafka_silence_test.py     with EVENTY_KAFKA=HOST:PORT of a broker (config/kafka/broker start)
"""
import concurrent.futures
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from own_broker import Checks, binaries, on_kafka  # noqa: E402

BOOTSTRAP = os.environ.get("EVENTY_KAFKA", "127.0.0.1:19092")
TIMEOUT_MS = 13000
SOON = 3  # seconds: the line comes after 1.0 to 1.25 s, on a busy machine later
SILENCE = "no broker at"
checks = Checks()


def start(bootstrap, **settings):
    """Exit code, and each line of standard error with its time in seconds."""
    with tempfile.TemporaryDirectory() as copies:
        began = time.monotonic()
        node = subprocess.Popen(
            [binaries / "counter", "run", "--until-idle", *on_kafka(bootstrap, store__path=copies, **settings)], text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        lines = [(time.monotonic() - began, line.rstrip("\n")) for line in node.stderr]
        return node.wait(60), lines


def nobody_answers(name, bootstrap, *reasons):
    code, lines = start(bootstrap, kafka__request_timeout_ms=TIMEOUT_MS)
    shown = "".join(f"\n       {at:5.1f} s: {line}" for at, line in lines)
    warned = [(at, line) for at, line in lines if SILENCE in line]
    wanted = [f'"{bootstrap}"', f"request_timeout_ms ({TIMEOUT_MS})", "check [kafka] bootstrap", *reasons]
    print(f"{name}:{shown}", flush=True)
    checks.check(f"{name}: the log says it soon", warned and warned[0][0] < SOON, shown)
    checks.check(f"{name}: with address, reason and what happens next", warned and all(w in warned[0][1] for w in wanted),
                 wanted)
    checks.check(f"{name}: again after 10 s, and no more often", len(warned) == 2 and warned[1][0] - warned[0][0] > 9)
    checks.check(f"{name}: ends with the error", code == 1 and "cannot list topics" in lines[-1][1] and
                 lines[-1][0] > TIMEOUT_MS / 1000, f"exit code {code}")


def a_broker_answers():
    code, lines = start(BOOTSTRAP, kafka__prefix=f"silence-{os.getpid()}-{int(time.time())}-")
    checks.check("a normal start says nothing of it", code == 0 and not [line for _, line in lines if SILENCE in line],
                 f"exit code {code}: {lines}")


def main():
    with socket.socket() as closed, socket.socket() as mute, concurrent.futures.ThreadPoolExecutor() as pool:
        closed.bind(("127.0.0.1", 0))  # and never listens
        mute.bind(("127.0.0.1", 0))
        mute.listen()  # the kernel accepts, and nobody reads
        address = {name: "127.0.0.1:%d" % s.getsockname()[1] for name, s in (("closed", closed), ("mute", mute))}
        both = [pool.submit(nobody_answers, "a closed port", address["closed"], "Connection refused"),
                pool.submit(nobody_answers, "a port without answers", address["mute"])]
        for one in both:
            one.result()
    a_broker_answers()
    return checks.end()


if __name__ == "__main__":
    sys.exit(main())
