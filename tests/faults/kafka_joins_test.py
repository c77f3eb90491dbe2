#!/usr/bin/env python3
# ctest: TIMEOUT 300 KAFKA SERIAL
"""Nodes join and leave while another one has all its partitions at work: that uses up none of its restarts."""
import kafka_harness
from kafka_harness import Campaign, Failure, shared_bootstrap
from kafka_members_test import partitions_of, shared_by

JOINS = 4


def a_node_bears_any_number_of_joins_and_leaves():
    """With slow handlers, states that are read all the time, and no restart allowed."""
    with Campaign("joins", shared_bootstrap(), partitions=48, keys=20_000, supervision__intensity=0, node__threads=16,
                  engine__max_cached_keys=1, steps__handler_us=1000) as c:
        first = c.node("a")
        with c.load(6000):
            first.wait_for_cycles("exact", 3)
            for _ in range(JOINS):
                other = c.node("b")
                shared_by(c, [first, other], 60)
                other.drain()
                kafka_harness.wait_until(lambda: len(partitions_of(c, first)) == c.partitions, 60,
                                         lambda: "the first node does not get all partitions back")
                if not first.alive():
                    raise Failure(f"the first node ended\n{first.tail()}")
        c.finish(first)


if __name__ == "__main__":
    kafka_harness.main(a_node_bears_any_number_of_joins_and_leaves)
