#!/usr/bin/env python3
# ctest: TIMEOUT 400
"""The broker itself stops, dies or stands still while nodes work; they go on when it is back."""
import signal
import time

import kafka_harness
from kafka_harness import Campaign, Failure, Observer, OwnBroker, say, wait_until

RATE = 400
AWAY_SECONDS = 5
# The node waits for less time than the broker is away; its transactions may time out while the broker starts.
SETTINGS = {"kafka__request_timeout_ms": 3000, "kafka__transaction_timeout_ms": 10000}
SERVICES = ("exact", "least", "most")


def goes_on(c, node, began):
    """The node, still the same process, commits again."""
    for service in c.services:
        node.wait_for_cycles(service, 3, seconds=60)
    say(f"{c.name}: commits again {time.monotonic() - began:.1f} s after the broker was back")


def markers_given_up(broker):
    """What the broker told of transactions that it ended without telling a partition, as Kafka 4.3 can."""
    lines = (broker.folder / "kafka/broker-0.log").read_text().splitlines()
    return [line for line in lines if "find leader endpoint" in line]


def the_broker_is_restarted(broker, observer):
    """An orderly stop of the broker under load, and its start some seconds later."""
    with Campaign("restart", broker.bootstrap, observer, services=SERVICES, **SETTINGS) as c:
        with c.load(RATE):
            node = c.node("a")
            node.wait_for_cycles("exact", 10)
            broker.stop()
            time.sleep(AWAY_SECONDS)
            broker.start()
            goes_on(c, node, time.monotonic())
        c.finish(node)


def at_a_commit(broker, observer, name, fault, mend):
    """The broker is hit when the node is about to send its commit, and comes back later."""
    with Campaign(name, broker.bootstrap, observer, **SETTINGS) as c:
        with c.load(RATE):
            node = c.node("a", step="after_send_offsets", nth=10, hold=True)
            node.wait_for_hold()
            before = node.committed["exact"]
            fault()
            node.release()
            time.sleep(AWAY_SECONDS)
            if node.committed["exact"] != before:
                raise Failure("a cycle was committed while the broker was away")
            mend()
            goes_on(c, node, time.monotonic())
        c.finish(node)


def the_broker_dies_at_a_commit(broker, observer):
    """kill -9 of the broker when a node sends its commit."""
    def kill():
        pid = broker.pid()
        broker.signal(signal.SIGKILL)
        wait_until(lambda: not broker.running(pid), 10, "the end of the broker")
    at_a_commit(broker, observer, "broker-killed", kill, broker.start)


def the_broker_stands_still_at_a_commit(broker, observer):
    """SIGSTOP of the broker when a node sends its commit, for longer than the node waits for an answer."""
    at_a_commit(broker, observer, "broker-stopped", lambda: broker.signal(signal.SIGSTOP),
                lambda: broker.signal(signal.SIGCONT))


def with_a_broker(test):
    """A test with a broker that it may stop."""
    def run():
        with OwnBroker() as broker, Observer(broker.bootstrap) as observer:
            try:
                test(broker, observer)
            finally:
                for line in markers_given_up(broker):
                    say(f"the broker has lost the markers of a transaction: {line}")
            if markers_given_up(broker):
                raise Failure("the broker has lost the markers of a transaction")
    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


if __name__ == "__main__":
    kafka_harness.main(*map(with_a_broker, (the_broker_is_restarted, the_broker_dies_at_a_commit,
                                            the_broker_stands_still_at_a_commit)))
