#!/usr/bin/env python3
# ctest: KAFKA TIMEOUT 240
"""Who writes the outputs that are written at once, as the broker remembers its producers; and what becomes of input whose
producer has another partitioner.

    kafka_producers_test.py [TEST]
"""
import kafka_harness
from kafka_harness import Campaign, Failure, say, shared_bootstrap, wait_until

ROUNDS = 5  # of input, so that each service writes more than once
COUNT = 60


def writers_of(campaign, service):
    """The producers of a service's events."""
    return {w["producer"] for w in campaign.observer.ask("writers", f"{campaign.prefix}{service}-events")}


def each_service_has_a_producer_of_its_own():
    """One node, two services: each writes through one producer that is its own, all the time."""
    with Campaign("producers", shared_bootstrap(), services=("least", "most")) as c:
        node = c.node("a")
        for _ in range(ROUNDS):
            c.feed(COUNT)
            c.settle()
        c.finish(node)
        found = {service: writers_of(c, service) for service in c.services}
    say(f"producers: {found}")
    if any(len(writers) != 1 for writers in found.values()):
        raise Failure(f"each service writes through one producer, and these were seen: {found}")
    if found["least"] == found["most"]:
        raise Failure(f"two services share a producer: {found}")


def input_of_java_is_not_read_by_another_partitioner():
    """A thousand records that Java's producer placed: the node says so and reads none, and all once it is configured."""
    with Campaign("placed", shared_bootstrap(), partitions=8, keys=1000) as c:
        c.feed(1000, "murmur2")
        node = c.node("a")
        told = lambda: node.said("the partition pauses at source-events/")  # noqa: E731
        wait_until(lambda: len(told()) == c.partitions, 30, lambda: f"{len(told())} partitions pause\n{node.tail()}")
        hint = 'Set [partitioners] "source-events" = "murmur2"'
        if not all(hint in line for line in told()):
            raise Failure(f"the partitioner is not named: {told()}")
        node.drain()
        if letters := c.observer.records(c.prefix + "exact-dead-letters"):
            raise Failure(f"{len(letters)} dead letters")
        if (left := c.lag("exact")) < 900:
            raise Failure(f"only {left} records are not read")
        murmur2 = {f"partitioners.{topic}": "murmur2" for topic in ("source-events", "exact-requests")}
        c.finish(c.node("a", **murmur2))


def only_transactions_write_to_a_changelog():
    """Its name as well, which goes with the positions that it speaks of: a zombie's is refused with them."""
    with Campaign("names", shared_bootstrap()) as c:
        node = c.node("a")
        c.feed(COUNT)
        c.finish(node)
        writers = {w["producer"] for w in c.observer.ask("writers", f"{c.prefix}exact-changelog")}
        fenced = {t["producer"] for t in c.observer.ask("transactions", c.prefix)}
    if not writers or writers - fenced:
        raise Failure(f"the changelog was written to by {writers}, of which {writers - fenced} are in no transaction")


if __name__ == "__main__":
    kafka_harness.main(each_service_has_a_producer_of_its_own, input_of_java_is_not_read_by_another_partitioner,
                       only_transactions_write_to_a_changelog)
