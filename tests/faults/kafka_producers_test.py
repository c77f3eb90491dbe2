#!/usr/bin/env python3
# ctest: KAFKA TIMEOUT 240
"""Who writes the outputs that are written at once, as the broker remembers its producers.

    kafka_producers_test.py [TEST]
"""
import kafka_harness
from kafka_harness import Campaign, Failure, say, shared_bootstrap

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


if __name__ == "__main__":
    kafka_harness.main(each_service_has_a_producer_of_its_own)
