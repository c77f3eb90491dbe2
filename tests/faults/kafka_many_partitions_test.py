#!/usr/bin/env python3
# ctest: LABELS long TIMEOUT 400 SERIAL
"""A node with 500 partitions works soon after its start, beside one with ten, and costs little while it is idle.

Its broker is its own. From the start of the process to the first and to the last partition at work, by the node's log:
again with its copies of states, and with none. Medians of three, for the machine may be busy."""
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import own_broker  # noqa: E402

MANY, FEW, STARTS = 500, 10, 3
# Beyond what the few take, in seconds.
MOST_FIRST, MOST_AGAIN, MOST_ANEW = 1, 2, 3
MOST_MIB, MOST_DESCRIPTORS, MOST_IDLE_PERCENT = 100, 200, 1.5
IDLE_SECONDS, SETTLE_SECONDS = 10, 8


class Node:
    """A node of `counter` that is started, and ends with the body."""

    def __init__(self, on, data, partitions):
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [own_broker.binaries / "counter", "run", *on, "--data", data, "--set", "log.level=debug", "--set", "node.id=one"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.at_work = []
        for line in self.process.stderr:
            if "is restored" in line:
                self.at_work.append(time.monotonic() - self.began)
            if len(self.at_work) == partitions:
                break
        self.rest = threading.Thread(target=self.process.stderr.read, daemon=True)
        self.rest.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.rest.join()

    def mib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", self.read("status"))[1]) / 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def cpu_seconds(self):
        fields = self.read("stat").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def read(self, what):
        return pathlib.Path(f"/proc/{self.process.pid}/{what}").read_text()


class Service:
    """`counter` with so many partitions, its topics made and some records of each partition handled."""

    def __init__(self, broker, folder, partitions):
        self.partitions, self.data = partitions, folder / str(partitions)
        self.on = own_broker.on_kafka(broker.bootstrap, f"p{partitions}-", topics__partitions=partitions)
        self.feed()
        own_broker.counter("run", *self.on, "--data", self.data, "--set", "node.id=one", "--until-idle")

    def feed(self):
        own_broker.counter("feed", *self.on, "--records", "5000", "--keys", "5000")

    def node(self):
        return Node(self.on, self.data, self.partitions)

    def starts(self, anew):
        """Medians of the times to the first and to the last partition at work."""
        found = []
        for _ in range(STARTS):
            if anew:
                shutil.rmtree(self.data)
            with self.node() as node:
                found.append((node.at_work[0], node.at_work[-1]))
        return [statistics.median(times) for times in zip(*found)]


checks = own_broker.Checks()
with own_broker.Broker() as broker, tempfile.TemporaryDirectory(prefix="eventy-many-") as name:
    few, many = (Service(broker, pathlib.Path(name), partitions) for partitions in (FEW, MANY))
    for anew, most in ((False, MOST_AGAIN), (True, MOST_ANEW)):
        start = "a start without copies" if anew else "a start with its copies"
        (few_first, few_last), (first, last) = few.starts(anew), many.starts(anew)
        told = f"{first:.2f} and {last:.2f} s; with {FEW} partitions {few_first:.2f} and {few_last:.2f} s"
        checks.check(f"{start}: the first of {MANY} partitions works soon", first < few_first + MOST_FIRST, told)
        checks.check(f"{start}: and all of them within {most} s", last < few_last + most, told)
        print(f"       {told}")
    with many.node() as node:
        time.sleep(SETTLE_SECONDS)
        before = node.cpu_seconds()
        time.sleep(IDLE_SECONDS)
        idle = (node.cpu_seconds() - before) / IDLE_SECONDS * 100
        told = f"{node.mib():.0f} MiB, {node.descriptors()} descriptors, {idle:.1f} % of a core"
        checks.check(f"it takes at most {MOST_MIB} MiB", node.mib() <= MOST_MIB, told)
        checks.check(f"at most {MOST_DESCRIPTORS} descriptors", node.descriptors() <= MOST_DESCRIPTORS, told)
        checks.check("and little of a core while it is idle", idle <= MOST_IDLE_PERCENT, told)
        print(f"       {told}")
sys.exit(checks.end())
