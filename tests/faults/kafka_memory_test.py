#!/usr/bin/env python3
# ctest: LABELS long TIMEOUT 900
"""A node that works off a topic at full speed: its memory stays within its bound, and does not grow with the run.

    kafka_memory_test.py [RECORDS]      4,000,000 by default

While the first half is handled, the queues fill up to their limits. From then on the resident size must not grow any
more: MOST_GROWTH_MB are some 25 bytes for each record of the second half.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here.parent / "support")]
import own_broker  # noqa: E402

build = pathlib.Path(os.environ.get("EVENTY_BUILD_DIR", own_broker.source / "build/release"))
tool = build / "tests/bin/bench_kafka"
KEYS = 10_000
MOST_GROWTH_MB = 48
MOST_MB = 400
POLL_SECONDS = 0.05
WAIT_SECONDS = 400


def judge(sizes):
    """What is wrong with resident sizes that were taken in equal steps."""
    half = len(sizes) // 2
    early, late = max(sizes[:half]), max(sizes[half:])
    wrong = []
    if late - early > MOST_GROWTH_MB:
        wrong.append(f"grew from {early:.0f} to {late:.0f} MB")
    if max(early, late) > MOST_MB:
        wrong.append(f"took {max(early, late):.0f} MB")
    return wrong


def sizes_of_run(bootstrap, folder):
    """Resident sizes of a node, in MB, from its start until all of its input is committed."""
    with open(f"{folder}/log", "wb") as log:
        node = subprocess.Popen([own_broker.binaries / "counter", "run",
                                 *own_broker.on_kafka(bootstrap, store__path=f"{folder}/data", log__level="error")],
                                stderr=log)
    done = subprocess.Popen([tool, "wait", bootstrap, "counter", "bench-events", "counter-events", str(WAIT_SECONDS)],
                            stderr=subprocess.DEVNULL)
    sizes = []
    try:
        while done.poll() is None and node.poll() is None:
            sizes.append(own_broker.resident_mb(node.pid))
            time.sleep(POLL_SECONDS)
        if done.poll() != 0:
            sys.exit(f"the node did not commit all of its input:\n{pathlib.Path(log.name).read_text()[-2000:]}")
    finally:
        for process in (done, node):
            process.kill()
            process.wait()
    return sizes


def main():
    records = sys.argv[1] if len(sys.argv) > 1 else "4000000"
    checks = own_broker.Checks()
    checks.check("growing and large sizes are found out", judge([100.0] * 9 + [150.0] * 9) and judge([500.0] * 18)
                 and not judge([100.0] * 18))
    with own_broker.Broker() as broker, tempfile.TemporaryDirectory(prefix="memory.") as folder:
        subprocess.run([tool, "create", broker.bootstrap, "bench-events", "counter-events"], check=True)
        subprocess.run([tool, "fill", broker.bootstrap, "bench-events", records, str(KEYS)], check=True,
                       stdout=subprocess.DEVNULL)
        sizes = sizes_of_run(broker.bootstrap, folder)
    for i in range(0, len(sizes), max(1, len(sizes) // 20)):
        print(f"       {sizes[i]:6.0f} MB", flush=True)
    checks.check(f"its memory stayed flat, at most {max(sizes):.0f} MB", not judge(sizes), judge(sizes))
    return checks.end()


if __name__ == "__main__":
    sys.exit(main())
