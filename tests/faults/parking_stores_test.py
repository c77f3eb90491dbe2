#!/usr/bin/env python3
# ctest: TIMEOUT 200 KAFKA
"""Parked keys on real stores: they outlive kill -9 and moves to other nodes, and go on in their order when released."""
import kafka_harness
import kafka_verify
import troubles
import troubles_judge
from troubles import Embedded, Failure, OnKafka, say, wait_until

COUNTING = ("exact", "least")  # whose policy parks the two poisoned keys
PARKED, STAYS, RELEASED = "a key is parked", "its key stays parked", "a key is released"


def counts(home):
    return {service: home.parked(service) for service in COUNTING}


def all_grew(before, after):
    if not all(0 < before[s] < after[s] for s in COUNTING):
        raise Failure(f"parked were {before}, then {after}: records of the keys should be parked behind")


def parks(node):
    """Both keys are parked in both services, and others go on."""
    node.wait_for(lambda: len(node.said(PARKED)) >= 2 * len(COUNTING), 30, "parked keys")
    for service in COUNTING:
        node.wait_for_cycles(service, 10)


def release(home):
    for service in COUNTING:
        home.parked(service, release=True)


def judged(home, was_parked):
    if any((left := counts(home)).values()):
        raise Failure(f"still parked: {left}")
    found, numbers = troubles_judge.judge(home.left(), COUNTING)
    if found:
        raise Failure("\n".join([str(numbers), *found]))
    say(f"{type(home).__name__}: {was_parked} records were parked, {numbers}")


def on_the_embedded_store():
    """Two keys are parked through kill -9, fail once more when released too early, and go on in order later."""
    with troubles.kept(Embedded("parking")) as home:
        services = ("source", *COUNTING)
        node = home.node("first", services)
        parks(node)
        node.kill()
        first = counts(home)
        node = home.node("second", services)
        for service in COUNTING:
            node.wait_for_cycles(service, 20)
        node.kill()
        second = counts(home)
        all_grew(first, second)
        release(home)
        node = home.node("too-early", services)
        node.wait_for(lambda: len(node.said(STAYS)) >= 4, 30, "a key that stays parked")
        node.kill()
        all_grew(first, counts(home))
        home.tell("mended"), home.tell("full")
        release(home)
        node = home.node("last", services, "--until-idle")
        node.wait_end(0, seconds=60)
        judged(home, second)


def on_kafka():
    """Two keys are parked; their node is killed, another takes over, the first comes back, and all is released beside them."""
    with troubles.kept(OnKafka("parking")) as home:
        def node(name):
            return home.node(name, COUNTING, node__id=name, store__path=home.disk / name)

        with home.load():
            a = node("a")
            parks(a)
            a.kill()
            first = counts(home)
            b = node("b")
            for service in COUNTING:
                b.wait_for_cycles(service, 20)
            second = counts(home)
            all_grew(first, second)
            release(home)
            b.wait_for(lambda: len(b.said(STAYS)) >= 4, 30, "a key that stays parked")
            a = node("a")
            for service in COUNTING:
                a.wait_for_cycles(service, 10)
            home.tell("mended")
            release(home)
        for service in COUNTING:
            wait_until(lambda: home.lag(service) == 0 and home.parked(service) == 0, 60, lambda: f"{service} is not done")
        if not a.said(RELEASED) or not b.said(RELEASED):
            say("one node released both keys")  # where their partitions lie is the group's choice
        a.drain(), b.drain()
        judged(home, second)


def beyond_the_limit():
    """A partition pauses where a key has more parked records than the configuration allows, and goes on by itself."""
    with troubles.kept(Embedded("limit")) as home:
        services = ("source", *COUNTING)
        node = home.node("first", services, failures__max_parked_records_per_key=3)
        node.wait_for(lambda: len(node.said("no room after its parked key")) >= 4, 30, "a partition that pauses")
        node.kill()
        was_parked = counts(home)
        if was_parked != {service: 6 for service in COUNTING}:
            raise Failure(f"{was_parked} are parked, 3 of each key are allowed")
        home.tell("mended"), home.tell("full")
        node = home.node("last", services, "--until-idle", failures__max_parked_records_per_key=3)
        node.wait_end(0, seconds=60)
        judged(home, was_parked)


def the_order_is_judged():
    """The judge notices two records of a key in the wrong order."""
    inputs = [kafka_verify.Input(0, i, "key-7", i, f"u{i}") for i in range(3)]
    outputs = [kafka_verify.Output(0, i, "key-7", n, i + 1, f"o{n}") for i, n in enumerate((0, 2, 1))]
    if not kafka_verify.exactly_once(inputs, outputs):
        raise Failure("the wrong order passed")


if __name__ == "__main__":
    kafka_harness.main(the_order_is_judged, on_the_embedded_store, beyond_the_limit, on_kafka)
