#!/usr/bin/env python3
# ctest: TIMEOUT 300 KAFKA
"""A node kills itself at each named step of a commit, under load; its successor makes it good."""
import functools
import time

import kafka_harness
from kafka_harness import Campaign, Observer, shared_bootstrap, together, wait_until

IN_A_CYCLE = ("before_produce", "after_produce", "before_send_offsets", "after_send_offsets", "commit_sent",
              "commit_acknowledged", "local_store_written")
RATE = 400


def killed_at(step, observer):
    with Campaign(step, shared_bootstrap(), observer) as c:
        with c.load(RATE):
            for nth in (5, 1):
                c.node("a", step=step, nth=nth).wait_for_step_kill(step)
            node = c.node("a")
            node.wait_for_cycles("exact", 3)
        c.finish(node)


def steps_of_a_commit():
    """Killed at each step of a commit: in its first cycle after a start, and in a later one."""
    with Observer(shared_bootstrap()) as observer:
        together(*(functools.partial(killed_at, step, observer) for step in IN_A_CYCLE))


def going_back():
    """Killed when its cycle was undone and before it has gone back to the committed positions."""
    with Campaign("rewind", shared_bootstrap()) as c:
        with c.load(RATE):
            node = c.node("a", step="after_produce", nth=5, hold=True, then="rewind")
            node.wait_for_hold()
            other = c.node("b")  # with it comes a new generation: the positions of the held cycle are refused
            wait_until(lambda: len(c.observer.ask("members", c.prefix + "exact")) == 2, 20, "b is a member")
            time.sleep(1.5)  # and so does a know, whose heartbeats go on
            node.release()
            node.wait_for_step_kill("rewind")
            other.wait_for_cycles("exact", 3)
            node = c.node("a")
            node.wait_for_cycles("exact", 3)
        c.finish(node, other)


def revoke(name, comes_back_at_once):
    with Campaign(name, shared_bootstrap()) as c:
        with c.load(RATE):
            node = c.node("a", step="revoke")
            node.wait_for_cycles("exact", 3)
            other = c.node("b")
            node.wait_for_step_kill("revoke")
            if not comes_back_at_once:
                other.wait_for_cycles("exact", 3)
            node = c.node("a")
            node.wait_for_cycles("exact", 3)
            other.wait_for_cycles("exact", 3)
            if comes_back_at_once:
                wait_until(lambda: node.said("belong to no node"), 20, "the node that is first by name has mended it")
        c.finish(node, other)


def giving_up_partitions():
    """Killed when partitions are to be given up, with a cycle in hand; the other node takes over."""
    revoke("revoke", comes_back_at_once=False)


def giving_up_partitions_and_coming_back_at_once():
    """Killed when partitions are to be given up, and there again before its session ends: no partition is nobody's."""
    revoke("revoke-back", comes_back_at_once=True)


if __name__ == "__main__":
    kafka_harness.main(steps_of_a_commit, going_back, giving_up_partitions,
                       giving_up_partitions_and_coming_back_at_once)
