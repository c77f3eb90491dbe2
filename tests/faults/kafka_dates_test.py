#!/usr/bin/env python3
# ctest: TIMEOUT 240 KAFKA SERIAL
"""The date of a node on Kafka is set back and forward by two hours, and drifts, while it works and while it is idle: it goes on.

`libset_date.so` stands between the node and its date, also in the waits of librdkafka, which end at a date.
"""
import tempfile
import time

import kafka_harness
from kafka_harness import ANY_DATE, SETTINGS, Campaign, Failure, SetDate, shared_bootstrap

SESSION_SECONDS = SETTINGS["kafka.session_timeout_ms"] / 1000


def drift(date, seconds=4, each=0.2):
    """Loses a second of four for so long."""
    for n in range(int(seconds / each)):
        time.sleep(each)
        date.set(-round(n * each / 4))


def goes_on(c, node, what):
    """All that comes is handled, by a node that is a member of its group all the time."""
    before = len(node.said("SESSTMOUT"))
    c.feed(300)
    try:
        c.settle(20)
    except Failure as failure:
        raise Failure(f"{what}: {failure}") from None
    time.sleep(1.5 * SESSION_SECONDS)
    if len(node.said("SESSTMOUT")) > before:
        raise Failure(f"{what}: the group gave the node up\n{node.tail()}")


def with_a_date(name, change, idle):
    with tempfile.TemporaryDirectory() as folder, Campaign(name, shared_bootstrap()) as c:
        date = SetDate(folder)
        node = c.node("a", environment=date.environment)
        c.feed(300)
        c.settle()
        c.observer.ask("config", f"{c.prefix}exact-events", ANY_DATE)
        c.observer.ask("config", f"{c.prefix}exact-changelog", ANY_DATE)
        if idle:
            time.sleep(1)
            change(date)
            time.sleep(2 * SESSION_SECONDS)
        else:
            with c.load(300):
                time.sleep(1)
                change(date)
                time.sleep(2)
        goes_on(c, node, name)
        date.set(0)
        goes_on(c, node, f"{name}, and right again")
        c.finish(node)


def back_at_work():
    """By two hours, under load."""
    with_a_date("dates-back", lambda date: date.set(-7200), idle=False)


def forward_at_work():
    """By two hours, under load."""
    with_a_date("dates-forward", lambda date: date.set(7200), idle=False)


def back_while_idle():
    """By two hours, with nothing to do."""
    with_a_date("dates-idle-back", lambda date: date.set(-7200), idle=True)


def forward_while_idle():
    """By two hours, with nothing to do."""
    with_a_date("dates-idle-forward", lambda date: date.set(7200), idle=True)


def a_drift():
    """A second of four is lost, under load."""
    with_a_date("dates-drift", drift, idle=False)


if __name__ == "__main__":
    kafka_harness.main(back_at_work, forward_at_work, back_while_idle, forward_while_idle, a_drift)
