#!/usr/bin/env python3
# ctest: LABELS long TIMEOUT 300
"""A handler that is 100 times slower than its input: the node's memory stays flat, and what it counts is right.

    kafka_backpressure_test.py [MINUTES]      1 by default

The handler sleeps, so the partitions do what they can on two threads; the input comes at 100 times that rate. After the
first part of the time (in which the queues fill up to their limits) the resident size must not grow any more.
"""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here.parent / "support")]
import own_broker  # noqa: E402

build = pathlib.Path(os.environ.get("EVENTY_BUILD_DIR", own_broker.source / "build/release"))
programs = build / "tests/bin"
THREADS, PAUSE_US = 2, 10_000
HANDLED = THREADS * 1_000_000 // PAUSE_US  # records/s, at most
RATE = 100 * HANDLED
FILL_SHARE = 0.3  # of the time; the rest is judged
MOST_GROWTH_MB = 16
MOST_MB = 400
POLL_SECONDS = 1


def judge(sizes):
    """What is wrong with resident sizes that were taken in equal steps; the parts are their means."""
    half = len(sizes) // 2
    early, late = sum(sizes[:half]) / half, sum(sizes[half:]) / (len(sizes) - half)
    wrong = []
    if late - early > MOST_GROWTH_MB:
        wrong.append(f"grew from {early:.0f} to {late:.0f} MB")
    if max(sizes) > MOST_MB:
        wrong.append(f"took {max(sizes):.0f} MB")
    return wrong


def watch(node, minutes):
    """Its resident sizes, in MB, after the queues are full."""
    sizes, start = [], time.monotonic()
    while (passed := time.monotonic() - start) < 60 * minutes:
        if node.poll() is not None:
            sys.exit(f"the node ended with {node.returncode}")
        if passed > FILL_SHARE * 60 * minutes:
            sizes.append(own_broker.resident_mb(node.pid))
        time.sleep(POLL_SECONDS)
    return sizes


def gapless(records):
    """Every key was counted 1, 2, 3 …"""
    counts = {}
    for _, key, value in records:
        counts.setdefault(key, []).append(own_broker.json.loads(value)["data"]["count"])
    return all(found == list(range(1, len(found) + 1)) for found in counts.values())


def main():
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 1
    checks = own_broker.Checks()
    checks.check("growing and large sizes are found out", judge([100.0] * 9 + [150.0] * 9) and judge([500.0] * 9)
                 and not judge([100.0] * 18))
    checks.check("gaps in the counts are found out", not gapless([(0, "a", '{"data":{"count":2}}')]))
    with own_broker.Broker() as broker, tempfile.TemporaryDirectory(prefix="backpressure.") as folder:
        tool = programs / "bench_kafka"
        subprocess.run([tool, "create", broker.bootstrap, "bench-events", "counter-events"], check=True)
        log = open(f"{folder}/log", "wb")
        node = subprocess.Popen([programs / "bench_variants", "run", "--as", "slow", "--pause-us", str(PAUSE_US),
                                 *own_broker.on_kafka(broker.bootstrap, store__path=f"{folder}/data",
                                                      node__threads=THREADS)],
                                stderr=log)
        load = subprocess.Popen([tool, "load", broker.bootstrap, "bench-events", str(RATE)], stdout=subprocess.PIPE,
                                text=True)
        try:
            sizes = watch(node, minutes)
            load.send_signal(signal.SIGTERM)
            written = int(load.stdout.readline())
            node.kill()  # or reading its outputs would not come to an end
            outputs = broker.consume("counter-events")
        finally:
            for process in (load, node):
                process.kill()
                process.wait()
        for i in range(0, len(sizes), max(1, len(sizes) // 10)):
            print(f"       {sizes[i]:6.0f} MB", flush=True)
        print(f"       {written:,} records came, outputs of {len(outputs):,} are visible", flush=True)
        checks.check("the input came as fast as it should", written > 0.8 * RATE * 60 * minutes, written)
        checks.check("the handler was 100 times slower", 0 < len(outputs) <= written / 80, len(outputs))
        checks.check("its memory stayed flat", not judge(sizes), judge(sizes))
        checks.check("its counts have no gap", gapless(outputs))
        checks.check("it said nothing of trouble", b" error " not in pathlib.Path(log.name).read_bytes(),
                     pathlib.Path(log.name).read_text()[-2000:])
    return checks.end()


if __name__ == "__main__":
    sys.exit(main())
