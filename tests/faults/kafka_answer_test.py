#!/usr/bin/env python3
# ctest: TIMEOUT 300
"""The answer to a commit is lost, so that its outcome is unknown: a proxy stands between node and broker."""
import time

import kafka_harness
from kafka_harness import Campaign, Failure, Observer, OwnBroker, say, wait_until
from kafka_proxy import END_TXN, Proxy

REQUEST_TIMEOUT_MS = 4000  # after it a node gives up to wait for the commit's answer
ASKING = "no answer to a commit"


def lost(c, proxy, order, outcome):
    """Under load what `order` says happens to EndTxn, until the node asks what became of its cycle."""
    node = c.node("a")
    with c.load(400):
        node.wait_for_cycles("exact", 20)
        failed = len(node.said(" failed: "))
        proxy.order(f"{order} {END_TXN}")
        proxy.expect("fired", 10)
        held, = node.open_cycles

        wait_until(lambda: c.state_of_transaction(node) == outcome, 2,
                   lambda: f"the transaction is {c.state_of_transaction(node)}, not {outcome}")
        began = time.monotonic()
        if outcome == "CompleteCommit":  # what the node asks is not held back: it has to find out
            node.wait_for(lambda: held not in node.open_cycles, 30, "the end of the cycle that had no answer")
        else:
            time.sleep(REQUEST_TIMEOUT_MS / 1000 + 1)
        if time.monotonic() - began < 0.8 * REQUEST_TIMEOUT_MS / 1000:
            raise Failure(f"{held} ended too early: its answer was not lost\n{node.tail()}")
        proxy.order("pass")
        node.wait_for_cycles("exact", 20)
    if bool(node.said(ASKING)) != (outcome == "Ongoing") or len(node.said(" failed: ")) > failed:
        raise Failure(f"the transaction was {outcome}, and the node says\n{node.tail()}")
    if node.said("is emptied"):  # a copy that the node has had all the time is read on, however old it looks
        raise Failure(f"a copy was emptied while it was in use\n{node.tail()}")
    c.finish(node)


OUTCOMES = {
    "answers close": "CompleteCommit",  # the broker committed, the connection is closed before the answer
    "answers hold": "CompleteCommit",  # the broker committed, the answer comes when the node has given up
    "requests close": "Ongoing",  # the broker never hears of the commit
    "requests hold": "Ongoing",  # the commit comes to the broker when the node has given up
}


def the_answer_to_a_commit_is_lost():
    """The node finds out by itself what became of its cycle, and neither loses nor repeats it."""
    with OwnBroker(advertise=True) as broker, Proxy(broker.proxy_port, broker.proxied_port) as proxy, \
            Observer(broker.bootstrap) as observer:
        for order, outcome in OUTCOMES.items():
            name = "answer-" + order.replace(" ", "-")
            with Campaign(name, f"127.0.0.1:{broker.proxy_port}", observer,
                          kafka__request_timeout_ms=REQUEST_TIMEOUT_MS, store__copies="old") as c:
                lost(c, proxy, order, outcome)


if __name__ == "__main__":
    kafka_harness.main(the_answer_to_a_commit_is_lost)
