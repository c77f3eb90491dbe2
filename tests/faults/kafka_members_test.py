#!/usr/bin/env python3
# ctest: TIMEOUT 300 KAFKA SERIAL
"""Several nodes share a service: they join, leave, die and come back as zombies under load."""
import os
import random
import signal
import time

import kafka_harness
from kafka_harness import SETTINGS, Campaign, Failure, say, shared_bootstrap, wait_until

RATE = 600
CHANGES = int(os.environ.get("CHANGES", 8))
SESSION_SECONDS = SETTINGS["kafka.session_timeout_ms"] / 1000


def partitions_of(c, node, service="exact"):
    """Those of the lead topic that the group's coordinator gave to a node."""
    instance = f"{c.prefix}{service}-{node.name}"
    return [p for m in c.observer.ask("members", c.prefix + service) if m["instance"] == instance for p in m["partitions"]]


def shared_by(c, nodes, seconds=30):
    """Waits until these nodes have all partitions, each some."""
    def done():
        owned = [partitions_of(c, node) for node in nodes]
        return all(owned) and sum(map(len, owned)) == c.partitions
    wait_until(done, seconds, lambda: f"{[n.name for n in nodes]} do not share all partitions")


def three_nodes_join_and_leave():
    """Three nodes end by SIGTERM or kill -9 and come back, in random order, under load."""
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(2**32)))
    chance = random.Random(seed)
    say(f"seed {seed}")
    kills = [True, False] * (CHANGES // 2)  # or an orderly end
    chance.shuffle(kills)
    with Campaign("members", shared_bootstrap()) as c:
        with c.load(RATE):
            nodes = {name: c.node(name) for name in "abc"}
            shared_by(c, nodes.values())
            for kill in kills:
                name = chance.choice("abc")
                if kill:
                    nodes[name].kill()
                else:
                    nodes[name].drain()
                time.sleep(chance.choice((0, 0.5, SESSION_SECONDS + 1)))  # back at once, or when others took over
                nodes[name] = c.node(name)
                time.sleep(chance.uniform(0, 1))
            shared_by(c, nodes.values())
        c.finish(*nodes.values())


def zombie(step, refused=True):
    """A node stands still at a step until another one has done its work, then goes on."""
    with Campaign(f"zombie-{step}", shared_bootstrap()) as c:
        with c.load(RATE):
            dead = c.node("a", step=step, nth=10, hold=True)
            dead.wait_for_hold()
            dead.signal(signal.SIGSTOP)
            began = time.monotonic()
            heir = c.node("b")
            wait_until(lambda: len(partitions_of(c, heir)) == c.partitions, 30, "b gets all partitions")
            heir.wait_for_cycles("exact", 5, seconds=30)
            say(f"{step}: b has the partitions and commits {time.monotonic() - began:.1f} s after a stood still")
            held = next(iter(dead.open_cycles))
            dead.release()
            dead.signal(signal.SIGCONT)
            if refused:
                dead.wait_for(lambda: dead.aborted["exact"] or dead.said(" failed: "), 20, "the end of the cycle it held")
                if held not in dead.open_cycles and not dead.aborted["exact"]:
                    raise Failure(f"the zombie's commit of {held} was accepted\n{dead.tail()}")
                say(f"the zombie was refused: {(dead.said('aborted') + dead.said('failed:'))[0][:200]}")
            # It is a member like any other again.
            shared_by(c, [dead, heir])
        c.finish(dead, heir)


def a_zombie_before_its_positions_are_sent():
    """SIGSTOP past the session timeout, before the positions are in the transaction."""
    zombie("before_send_offsets")


def a_zombie_after_its_positions_were_sent():
    """SIGSTOP past the session timeout, when the positions are in the transaction."""
    zombie("after_send_offsets")


def a_zombie_at_its_commit():
    """SIGSTOP past the session timeout, its commit just sent: it counts, and the zombie does not know."""
    zombie("commit_sent", refused=False)


def a_node_that_stands_still_again_and_again():
    """SIGSTOP past the session timeout, twice within a minute: it is fenced by its heir, not by a duplicate, and goes on."""
    with Campaign("still", shared_bootstrap()) as c:
        with c.load(RATE):
            still, heir = c.node("a"), c.node("b")
            shared_by(c, [still, heir])
            for _ in range(2):
                still.signal(signal.SIGSTOP)
                wait_until(lambda: len(partitions_of(c, heir)) == c.partitions, 30, "b gets all partitions")
                heir.wait_for_cycles("exact", 2, seconds=30)
                fenced = len(still.said("was away from its group"))
                still.signal(signal.SIGCONT)
                still.wait_for(lambda: len(still.said("was away from its group")) > fenced, 20, "it is fenced by its heir")
                shared_by(c, [still, heir])
        c.finish(still, heir)


def a_transaction_that_times_out():
    """SIGSTOP for longer than the transaction may take, with a session that lasts longer: no other node comes."""
    with Campaign("timeout", shared_bootstrap(), kafka__session_timeout_ms=20000, kafka__transaction_timeout_ms=2500) as c:
        with c.load(RATE):
            node = c.node("a", step="after_send_offsets", nth=10, hold=True)
            node.wait_for_hold()
            node.signal(signal.SIGSTOP)
            if (state := c.state_of_transaction(node)) != "Ongoing":
                raise Failure(f"the transaction of the node that stands still is {state}")
            wait_until(lambda: c.state_of_transaction(node) == "CompleteAbort", 15, "the broker ends the transaction")
            node.release()
            node.signal(signal.SIGCONT)
            node.wait_for_cycles("exact", 5)
        if not node.aborted["exact"] and not node.said(" failed: "):
            raise Failure("the node did not notice that its transaction was ended\n" + node.tail())
        c.finish(node)


if __name__ == "__main__":
    kafka_harness.main(three_nodes_join_and_leave, a_zombie_before_its_positions_are_sent,
                       a_zombie_after_its_positions_were_sent, a_zombie_at_its_commit,
                       a_node_that_stands_still_again_and_again, a_transaction_that_times_out)
