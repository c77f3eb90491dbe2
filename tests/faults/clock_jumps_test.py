#!/usr/bin/env python3
# ctest: TIMEOUT 300
"""The date of a node on the embedded store is set back and forward while it works, or drifts: it goes on, and ends when it is told to.

libfaketime stands between the node and the wall clock, and leaves the monotonic one alone. It does not know the waits that librdkafka
uses: kafka_dates_test.py is for nodes on Kafka.
"""
import os
import pathlib
import subprocess
import tempfile
import time

import kafka_harness
from kafka_harness import Failure, say

LIBRARY = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
BIN = pathlib.Path(os.environ.get("EVENTY_BIN_DIR", kafka_harness.source / "build/release/bin"))
RECORDS = 1_000_000


class Date:
    """What the programs that are started within `environment` take for the date, as seconds away from the right one."""

    def __init__(self, folder):
        self.file = pathlib.Path(folder) / "date"
        self.set(0)

    def set(self, seconds):
        self.write(f"{seconds:+d}")

    def drift(self, rate):
        """From now on a second of the date takes 1 / rate seconds."""
        self.write(f"+0 x{rate}")

    def write(self, what):
        text = self.file.with_suffix(".new")
        text.write_text(what + "\n")
        text.rename(self.file)

    def environment(self):
        return {**os.environ, "LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}

    def told(self):
        """The seconds since 1970 as a program takes them."""
        return float(subprocess.run(["date", "+%s.%N"], env=self.environment(), capture_output=True, text=True, check=True).stdout)


def the_library_sets_dates():
    """A date that is not set would prove nothing."""
    with tempfile.TemporaryDirectory() as folder:
        date = Date(folder)
        date.set(-7200)
        if abs(date.told() + 7200 - time.time()) > 5:
            raise Failure(f"date says {date.told()}")


def works_to_its_end(change, name):
    """A node whose date is changed in the midst of its work: as many seconds as it took."""
    with tempfile.TemporaryDirectory() as folder:
        date = Date(folder)
        data = pathlib.Path(folder) / "data"
        feed = [BIN / "counter", "feed", "--data", data, "--records", str(RECORDS), "--keys", "100"]
        subprocess.run(feed, check=True, capture_output=True)
        began = time.monotonic()
        node = subprocess.Popen([BIN / "counter", "run", "--data", data, "--until-idle", "--set",
                                 "engine.max_cycle_bytes=1000000000"],  # so that commits are due by time alone
                                env=date.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(0.3)
        if node.poll() is not None:
            raise Failure(f"it ended before its date was changed: {node.stderr.read()}")
        change(date)
        try:
            code = node.wait(60)
        except subprocess.TimeoutExpired:
            node.kill()
            raise Failure(f"{name}: it does not come to its end") from None
        if code:
            raise Failure(f"{name}: exit code {code}: {node.stderr.read()}")
        say(f"{name}: {time.monotonic() - began:.1f} s")


def an_embedded_node_works_on():
    """With its date set by two hours in the midst of its work it is done as soon as without."""
    works_to_its_end(lambda date: date.set(0), "as it is")
    works_to_its_end(lambda date: date.set(-7200), "two hours back")
    works_to_its_end(lambda date: date.set(7200), "two hours ahead")


def an_embedded_node_works_on_while_its_date_drifts():
    """With a date that passes at half the speed, or twice as fast, waits are as long as they were."""
    works_to_its_end(lambda date: date.drift(0.5), "half as fast")
    works_to_its_end(lambda date: date.drift(2), "twice as fast")


def an_idle_node_ends_in_order():
    """With its date set back while it has nothing to do, it drains at once when it is told to."""
    with tempfile.TemporaryDirectory() as folder:
        date = Date(folder)
        data = pathlib.Path(folder) / "data"
        subprocess.run([BIN / "counter", "feed", "--data", data, "--records", "10", "--keys", "1"], check=True,
                       capture_output=True)
        node = subprocess.Popen([BIN / "counter", "run", "--data", data], env=date.environment(),
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)
        date.set(-7200)
        time.sleep(1)
        node.terminate()
        if code := node.wait(15):
            raise Failure(f"exit code {code}")


if __name__ == "__main__":
    kafka_harness.main(the_library_sets_dates, an_embedded_node_works_on, an_embedded_node_works_on_while_its_date_drifts,
                       an_idle_node_ends_in_order)
