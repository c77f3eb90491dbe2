#!/usr/bin/env python3
# ctest: TIMEOUT 300 KAFKA SERIAL
"""A handler that waits holds its partition, and neither the end of its node nor the partitions beside it.

    kafka_waiting_test.py [TEST]
"""
import signal
import time

import kafka_harness
from kafka_harness import Campaign, Failure, say, shared_bootstrap, wait_until
from kafka_members_test import partitions_of, shared_by

DRAIN_MS = 20_000
BEFORE = 120  # records, until both nodes work


def two_nodes_of_which_one_waits(c, declared):
    waits = c.node("a", steps__wait_from=BEFORE, steps__wait_ms=600_000, node__drain_timeout_ms=DRAIN_MS,
                   services__exact__blocking=declared, node__threads=1)
    other = c.node("b")
    shared_by(c, [waits, other])
    c.feed(BEFORE)
    c.settle()
    c.feed(600)
    waits.wait_for_hold()
    return waits, other


def handed_over(declared):
    with Campaign("waiting", shared_bootstrap(), keys=600) as c:
        waits, other = two_nodes_of_which_one_waits(c, declared)
        began = time.monotonic()
        waits.signal(signal.SIGTERM)
        wait_until(lambda: len(partitions_of(c, other)) == c.partitions, 12, lambda: f"no handing over\n{waits.tail()}")
        taken = time.monotonic() - began
        waits.wait_end(1, 12)
        say(f"handed over after {taken:.1f} s, ended after {time.monotonic() - began:.1f} s")
        for text in ("delayed by handlers that do not return: all others are handed over now",
                     "Still running: service exact: partition "):
            if not waits.said(text):
                raise Failure(f"it does not say {text!r}\n{waits.tail()}")
        c.finish(other)


def a_node_that_ends_hands_over_what_is_done_at_once():
    """SIGTERM while a handler waits: the other node has all partitions long before the time for draining is over."""
    handed_over("true")


def a_node_whose_only_thread_waits_hands_over_as_well():
    """The same where nobody has declared it, and the handler has taken the only thread for partitions."""
    handed_over("false")


def the_partitions_beside_it_work_on():
    """With one thread for partitions: all but the waiting partition is read to its end."""
    with Campaign("beside", shared_bootstrap(), keys=600) as c:
        waits, other = two_nodes_of_which_one_waits(c, "true")

        def behind():
            at = kafka_harness.kafka_verify.committed_of(c.observer, c.prefix + "exact", c.source)
            ends = kafka_harness.kafka_verify.ends_of(c.observer, c.source)
            return [partition for partition, end in ends.items() if end.end > at.get(partition, 0)]
        wait_until(lambda: len(behind()) == 1, 20, lambda: f"partitions {behind()} are behind\n{waits.tail()}")
        waits.process.kill()
        waits.join()
        c.finish(other)


if __name__ == "__main__":
    kafka_harness.main(a_node_that_ends_hands_over_what_is_done_at_once,
                       a_node_whose_only_thread_waits_hands_over_as_well, the_partitions_beside_it_work_on)
