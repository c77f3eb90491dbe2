#!/usr/bin/env python3
# ctest: TIMEOUT 600 SERIAL
"""The clock of the nodes is hours ahead of the broker's, which takes no records of their date: they tell so once, lose nothing, and
go on when it is right again.

The broker's is the one that is set, 2 h back: librdkafka's own waits go by the date, and would end 2 h later.
"""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import kafka_harness
from kafka_harness import ANY_DATE, Campaign, Failure, Observer, OwnBroker, SetDate, wait_until

SERVICES = ("exact", "least", "most")
HOURS = 2
STANDS_SECONDS = 12
GOES_ON_SECONDS = 30  # after the start of the broker; the longest rest is 5
SETTING = "message.timestamp.after.max.ms=3600000"


class DatedBroker(OwnBroker):
    """Its Java, and nothing else, takes for the date what is set."""

    def __init__(self, folder):
        self.date = SetDate(folder)
        settings = " ".join(f"{name}={value}" for name, value in self.date.environment.items())
        wrapper = pathlib.Path(folder) / "java"
        wrapper.write_text(f"#!/bin/sh\nexport {settings}\n"
                           f"exec {shutil.which('java')} \"$@\"\n")
        wrapper.chmod(0o755)
        self.path = f"{folder}:{os.environ['PATH']}"
        super().__init__()

    def set_date(self, seconds):
        """Between a stop and a start: the broker itself does not bear it while it works."""
        self.stop()
        self.date.set(seconds)
        self.start()

    def command(self, *arguments):
        done = subprocess.run([kafka_harness.source / "config/kafka/broker", *arguments, "--folder", self.folder / "kafka"],
                              capture_output=True, text=True, env={**os.environ, "PATH": self.path})
        if done.returncode:
            raise Failure(f"broker {arguments[0]}: {done.stdout}{done.stderr}")


def errors_of(node, service):
    return [line for line in node.said(SETTING) if f"service {service}" in line]


def told_once(node, services):
    for service in services:
        lines = errors_of(node, service)
        if len(lines) != 1 or "clock" not in lines[0] or "more than 3600000 ms ahead" not in lines[0]:
            raise Failure(f"{service} tells of the clock in {len(lines)} lines: {lines[:3]}\n{node.tail()}")


def no_dead_letters(c):
    for service in c.services:
        topic = f"{c.prefix}{service}-dead-letters"
        if any(at["end"] for at in c.observer.ask("ends", topic)):
            raise Failure(f"there are dead letters in {topic}")


def at_work(broker, observer):
    """Set ahead while services of each guarantee are at work."""
    with Campaign("ahead", broker.bootstrap, observer, services=SERVICES) as c:
        observer.ask("config", c.source, ANY_DATE)
        node = c.node("a")
        c.feed(500)
        c.settle()
        broker.set_date(-HOURS * 3600)
        c.feed(500)
        wait_until(lambda: all(errors_of(node, s) for s in SERVICES), 60, lambda: f"the error\n{node.tail()}")
        time.sleep(STANDS_SECONDS)
        told_once(node, SERVICES)
        before = dict(node.committed)
        broker.set_date(0)
        wait_until(lambda: all(node.committed[s] > before[s] for s in ("exact", "least")), GOES_ON_SECONDS,
                   lambda: f"the next commit\n{node.tail()}")
        no_dead_letters(c)
        c.finish(node)


def at_its_start(broker, observer):
    """Ahead when partitions are taken over, which writes the names of changelogs."""
    with Campaign("ahead-at-first", broker.bootstrap, observer) as c:
        observer.ask("config", c.source, ANY_DATE)
        broker.set_date(-HOURS * 3600)
        c.feed(500)
        node = c.node("a")
        wait_until(lambda: errors_of(node, "exact"), 20, lambda: f"the error\n{node.tail()}")
        time.sleep(STANDS_SECONDS)
        told_once(node, c.services)
        broker.set_date(0)
        node.wait_for_cycles("exact", 1, seconds=GOES_ON_SECONDS)
        no_dead_letters(c)
        c.finish(node)


def a_node_whose_clock_is_ahead():
    """At work and at its start."""
    with tempfile.TemporaryDirectory() as folder, DatedBroker(folder) as broker, Observer(broker.bootstrap) as observer:
        at_work(broker, observer)
        at_its_start(broker, observer)


if __name__ == "__main__":
    kafka_harness.main(a_node_whose_clock_is_ahead)
