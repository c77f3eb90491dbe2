#!/usr/bin/env python3
# ctest: TIMEOUT 300 KAFKA SERIAL
"""How long keys wait when one of three nodes dies, or ends in order: measured by when outputs can be read."""
import collections
import time

import kafka_harness
import kafka_verify
from kafka_harness import Campaign, Failure, say, shared_bootstrap, wait_until
from kafka_members_test import partitions_of, shared_by

RATE = 600
SESSION_MS = 6000  # the default
GOAL_SECONDS = SESSION_MS / 1000 + 2
TRANSACTION_SECONDS = kafka_harness.SETTINGS["kafka.transaction_timeout_ms"] / 1000  # then the broker ends it by itself
UNTOUCHED_GOAL_SECONDS = 2  # 0.8 without any fault, where other work runs beside
SPARE_SECONDS = 2.0  # before the fault and after it, without a disturbance


def gaps(file, since, until=float("inf")):
    """Of each partition: the longest time without an output, from `since` to `until` (seconds of the clock)."""
    last, longest = {}, collections.defaultdict(float)
    for line in file.read_text().splitlines():
        words = line.split()
        now, partition = int(words[0]) / 1000, int(words[1])
        if partition in last and since <= now <= until:
            longest[partition] = max(longest[partition], now - max(last[partition], since))
        last[partition] = now
    return longest


def measure(name, fault, goal, step=None):
    """Three nodes, one of them is hit by fault(node); the gaps of its partitions and of the others."""
    with Campaign(name, shared_bootstrap(), kafka__session_timeout_ms=SESSION_MS) as c:
        lines = c.folder / "outputs"
        with c.load(RATE):
            others = [c.node("b"), c.node("c")]
            shared_by(c, others)
            c.observer.ask("follow", c.prefix + "exact-events", lines)
            hit = c.node("a", step=step, nth=200, hold=True) if step else c.node("a")
            shared_by(c, [hit, *others])
            if step:
                hit.wait_for_hold()
            else:
                hit.wait_for_cycles("exact", 50)
                time.sleep(SPARE_SECONDS)
            touched = partitions_of(c, hit)
            if step:  # the outputs of its transaction are on their way
                wait_until(lambda: c.observer.ask("producers", c.prefix + "exact-events"), 5, "no transaction is open")
            began = time.time()
            fault(hit)
            wait_until(lambda: sum(len(partitions_of(c, n)) for n in others) == c.partitions, 30, "others take over")
            wait_until(lambda: set(touched) <= set(resumed(lines, began + 0.5)), 30, "its partitions work again")
            left = c.state_of_transaction(hit)
            if left not in kafka_verify.OVER or time.time() - began > TRANSACTION_SECONDS:
                raise Failure(f"{name}: the transaction of the dead node is {left} after {time.time() - began:.1f} s: no successor "
                              "has ended it")
            time.sleep(SPARE_SECONDS)
        longest, before = gaps(lines, began), gaps(lines, began - SPARE_SECONDS, began)
        c.finish(*others)
    its = max(longest[p] for p in touched)
    untouched = max(longest[p] for p in range(c.partitions) if p not in touched)
    calm = max((before[p] for p in range(c.partitions)), default=0)
    say(f"{name}: its {len(touched)} partitions {its:.2f} s without an output (goal {goal:g}), the others at most {untouched:.2f} s "
        f"(goal {UNTOUCHED_GOAL_SECONDS:g}" + (")" if step else f"; {calm:.2f} s before the fault)"))
    if its > goal or untouched > UNTOUCHED_GOAL_SECONDS:
        raise Failure(f"{name}: the gap is too long")


def resumed(file, since):
    """The partitions that had an output after `since`."""
    return {int(line.split()[1]) for line in file.read_text().splitlines() if int(line.split()[0]) / 1000 > since}


def killed_between_cycles():
    """kill -9 of one of three nodes at any moment."""
    measure("killed", lambda node: node.kill(), GOAL_SECONDS)


def killed_with_its_outputs_written():
    """kill -9 of one of three nodes, its transaction open with outputs in it."""
    measure("after_produce", lambda node: node.kill(), GOAL_SECONDS, step="after_produce")


def killed_with_its_positions_sent():
    """kill -9 of one of three nodes, its transaction open with its positions in it."""
    measure("after_send_offsets", lambda node: node.kill(), GOAL_SECONDS, step="after_send_offsets")


def ended_in_order():
    """What SIGTERM of a static member costs: it sends no LeaveGroup, so its session has to end."""
    measure("sigterm", lambda node: node.drain(), GOAL_SECONDS)


if __name__ == "__main__":
    kafka_harness.main(killed_between_cycles, killed_with_its_outputs_written, killed_with_its_positions_sent,
                       ended_in_order)
