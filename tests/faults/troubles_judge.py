"""Judges what a campaign of troubles.py left, by recomputation from its input. What kafka_verify.py judges of services on
Kafka holds on any store; here are the dead letters and the input itself.

Each judgement is a function of plain data that returns what is wrong, as sentences.
"""
import collections
import functools

import kafka_verify
from node_process import Failure, say

SERVICES = ("exact", "least", "most")
KEYS = 60


def is_rotten(record):
    """Which inputs no handler takes; as in troubled_node.cpp."""
    return record.key == "key-11" and record.n // KEYS % 5 == 2


Left = collections.namedtuple("Left", "topics states ends positions")
Letter = collections.namedtuple("Letter", "place error_class value")


def letters_of(records):
    return [Letter((r["headers"].get("eventy-topic"), int(r["headers"].get("eventy-partition", -1)),
                    int(r["headers"].get("eventy-offset", -1))), r["headers"].get("eventy-error-class", ""), r["value"])
            for r in records]


def dead_letters(rotten, values, letters, may_miss=False):
    """One for each rotten input, with its bytes and its place, and none else."""
    found = []
    wanted = {("source-events", r.partition, r.offset): values[r.partition, r.offset] for r in rotten}
    counts = collections.Counter(letter.place for letter in letters)
    found += [f"a dead letter of {place} is there {n} times" for place, n in counts.items() if n > 1]
    for letter in letters:
        if letter.place not in wanted or "Rotten" not in letter.error_class:
            found.append(f"a dead letter that should not be: {letter.place} {letter.error_class}")
        elif letter.value != wanted[letter.place]:
            found.append(f"a dead letter has not the bytes of {letter.place}")
    if not may_miss:
        found += [f"no dead letter of {place}" for place in wanted if place not in counts]
    return kafka_verify.some(found)


def numbers_in_order(inputs):
    """The input itself: each number once, in order for each key. The source of an embedded node is judged by it."""
    is_whole = sorted(r.n for r in inputs) == list(range(len(inputs)))
    found = [] if is_whole else ["the numbers of the input have gaps or repeats"]
    return found + [f"the input of {key} is not in order" for key, records in kafka_verify.by_key(inputs).items()
                    if [r.n for r in records] != sorted(r.n for r in records)]


def judge(left, services=SERVICES, stands_still=False):
    """All that is wrong with what a campaign left, and some numbers. `stands_still`: nodes did, longer than their sessions last."""
    inputs = kafka_verify.inputs_in(left.topics["source-events"])
    values = {(r["partition"], r["offset"]): r["value"] for r in left.topics["source-events"]}
    rotten, edible = [r for r in inputs if is_rotten(r)], [r for r in inputs if not is_rotten(r)]
    outputs = {s: kafka_verify.outputs_in(left.topics.get(f"{s}-events", [])) for s in services}
    letters = {s: letters_of(left.topics.get(f"{s}-dead-letters", [])) for s in services}
    found = numbers_in_order(inputs) + ([] if rotten else ["there was no rotten input"])
    rule = {"exact": kafka_verify.exactly_once, "least": kafka_verify.none_missing, "most": functools.partial(kafka_verify.none_doubled, in_order=not stands_still)}
    for s in services:
        found += [f"{s}: {text}" for text in
                  rule[s](edible, outputs[s]) + dead_letters(rotten, values, letters[s], may_miss=s == "most")
                  + kafka_verify.positions(inputs, left.ends, left.positions[s])]
    found += kafka_verify.state(edible, left.states)
    numbers = {"inputs": len(inputs), "dead letters": len(rotten),
               "repeated at least once": len(outputs["least"]) - len({(o.key, o.n) for o in outputs["least"]})}
    if "most" in services:
        numbers["left out at most once"] = len(edible) - len(outputs["most"])
    return found, numbers


# ---- the judgement can fail


def self_check():
    """Shows that each judgement of this file fails on altered data; those of kafka_verify.py have a check of their own."""
    place = ("source-events", 4, 7)
    rotten = [kafka_verify.Input(4, 7, "key-11", 2 * KEYS + 11, "u")]
    letter, values = Letter(place, "Rotten", b"bytes"), {(4, 7): b"bytes"}
    inputs = [kafka_verify.Input(0, i, f"key-{i % 2}", i, f"u{i}") for i in range(4)]
    checks = {
        "a rotten record is known": is_rotten(rotten[0]) and not is_rotten(rotten[0]._replace(key="key-12")),
        "a dead letter passes": not dead_letters(rotten, values, [letter]),
        "a missing one fails": bool(dead_letters(rotten, values, [])),
        "a missing one passes at most once": not dead_letters(rotten, values, [], may_miss=True),
        "a doubled one fails": bool(dead_letters(rotten, values, [letter, letter], may_miss=True)),
        "one of another place fails": bool(
            dead_letters(rotten, values, [letter, letter._replace(place=("source-events", 4, 8))])),
        "one of another class fails": bool(dead_letters(rotten, values, [letter._replace(error_class="Down")])),
        "one of other bytes fails": bool(dead_letters(rotten, values, [letter._replace(value=b"other")])),
        "an input in order passes": not numbers_in_order(inputs),
        "a gap in it fails": bool(numbers_in_order(inputs[:1] + inputs[2:])),
        "a repeat in it fails": bool(numbers_in_order(inputs + inputs[-1:])),
        "another order of it fails": bool(numbers_in_order([inputs[2], inputs[1], inputs[0], inputs[3]])),
    }
    for name, passed in checks.items():
        say(f"{'ok    ' if passed else 'FAILED'} {name}")
    if not all(checks.values()):
        raise Failure("the self-check failed")
