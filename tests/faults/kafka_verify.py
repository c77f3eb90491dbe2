#!/usr/bin/env python3
"""Judges what the services of kafka_node.cpp left on a broker, from what Kafka's Java client reads there.

    kafka_verify.py --self-check     shows that each judgement can fail

Shares nothing with the program: no code, no client. Each judgement is a function of plain data that returns
what is wrong, as sentences.
"""
import base64
import collections
import copy
import json
import sys

Input = collections.namedtuple("Input", "partition offset key n uuid")
Output = collections.namedtuple("Output", "partition offset key n count uuid")
End = collections.namedtuple("End", "first decided end")
State = collections.namedtuple("State", "count sum")

OVER = ("Empty", "CompleteCommit", "CompleteAbort", "Dead")  # states of a transaction that is not open
MOST = 5  # findings of a kind that are told


def some(findings):
    return findings if len(findings) <= MOST else findings[:MOST] + [f"… {len(findings) - MOST} more of these"]


def by_key(records):
    """The records of each key, in the order of one partition; they lie in one partition only."""
    result = collections.defaultdict(list)
    for record in records:
        result[record.key].append(record)
    return result


# ---- the judgements


def scattered(records, what):
    """Keys that lie in more than one partition: their order would mean nothing."""
    places = collections.defaultdict(set)
    for record in records:
        places[record.key].add(record.partition)
    return some([f"{what} of {key} are in partitions {sorted(p)}" for key, p in places.items() if len(p) > 1])


def exactly_once(inputs, outputs):
    """One output for each input, in order for each key, each with the count that its key had come to."""
    found = scattered(outputs, "outputs")
    given, made = by_key(inputs), by_key(outputs)
    for key in sorted(given.keys() | made.keys()):
        wanted = [(record.n, i + 1) for i, record in enumerate(given.get(key, []))]
        got = [(record.n, record.count) for record in made.get(key, [])]
        if wanted == got:
            continue
        at = next((i for i, pair in enumerate(zip(wanted, got)) if pair[0] != pair[1]), min(len(wanted), len(got)))
        found.append(f"{key}: {len(got)} outputs for {len(wanted)} inputs; at {at}: (n, count) is {got[at:at + 3]} instead "
                     f"of {wanted[at:at + 3]}")
    return some(found)


def exact_so_far(inputs, outputs):
    """As exactly once, where the end may be missing for each key."""
    made = collections.Counter(output.key for output in outputs)
    begun = [record for records in by_key(inputs).values() for record in records[:made[records[0].key]]]
    return exactly_once(begun, outputs)


def none_missing(inputs, outputs):
    """At least once: an output for each input, in order where they come for the first time, and a repeat has
    the uuid of the first one."""
    found = scattered(outputs, "outputs")
    given, made = by_key(inputs), by_key(outputs)
    for key in sorted(given.keys() | made.keys()):
        uuids = {}
        for output in made.get(key, []):
            if uuids.setdefault(output.n, output.uuid) != output.uuid:
                found.append(f"{key}: a repeat of the output for {output.n} has another uuid")
        wanted = [record.n for record in given.get(key, [])]
        if list(uuids) != wanted:
            missing = [n for n in wanted if n not in uuids]
            found.append(f"{key}: outputs are missing for {missing[:MOST]}" if missing
                         else f"{key}: the first outputs are not those of the inputs in their order")
    return some(found)


def none_doubled(inputs, outputs, in_order=True):
    """At most once: no output twice, none without an input, and in order for each key: unless a node stood still, which writes
    what it has committed before late."""
    found = scattered(outputs, "outputs")
    given = by_key(inputs)
    for key, made in sorted(by_key(outputs).items()):
        place = {record.n: i for i, record in enumerate(given.get(key, []))}
        numbers = [output.n for output in made]
        doubled = [n for n, times in collections.Counter(numbers).items() if times > 1]
        unknown = [n for n in numbers if n not in place]
        if doubled:
            found.append(f"{key}: outputs are doubled for {doubled[:MOST]}")
        elif unknown:
            found.append(f"{key}: outputs without an input: {unknown[:MOST]}")
        elif in_order and [place[n] for n in numbers] != sorted(place[n] for n in numbers):
            found.append(f"{key}: outputs are not in the order of the inputs")
    return some(found)


def state(inputs, states):
    """The last value of each key in the changelog is what a recomputation from the input gives."""
    wanted = {key: State(len(records), sum(r.n for r in records)) for key, records in by_key(inputs).items()}
    return some([f"state of {key}: {states.get(key)} instead of {wanted.get(key)}"
                 for key in sorted(wanted.keys() | states.keys()) if states.get(key) != wanted.get(key)])


def positions(inputs, ends, committed):
    """Of each partition of a topic: after the last record, and not after the end offset. Transaction markers may
    follow the last record."""
    found = []
    last = collections.defaultdict(int)
    for record in inputs:
        last[record.partition] = max(last[record.partition], record.offset + 1)
    for partition, end in sorted(ends.items()):
        at = committed.get(partition)
        if at is None:
            if last[partition]:
                found.append(f"partition {partition} has no position, and {last[partition]} offsets with records")
        elif not last[partition] <= at <= end.end:
            found.append(f"partition {partition}: the position is {at}, records end at {last[partition]}, the topic at "
                         f"{end.end}")
    return some(found)


def decided(ends, transactions, producers):
    """No transaction is open: not for its coordinator, not in any partition."""
    found = [f"transaction {t['id']} is {t['state']}" for t in transactions if t["state"] not in OVER]
    found += [f"{p['topic']}-{p['partition']}: producer {p['producer']} has a transaction open since offset {p['start']}"
              for p in producers]
    found += [f"partition {partition}: decided up to {end.decided} of {end.end}"
              for partition, end in sorted(ends.items()) if end.decided != end.end]
    return some(found)


# ---- what is on the broker


def record_of(found):
    return json.loads(found["value"])


def unpacked(text):
    """The value of a header."""
    return base64.b64decode(text).decode()


def inputs_in(records):
    result = []
    for r in records:
        record = record_of(r)
        result.append(Input(r["partition"], r["offset"], r["key"].decode(), record["data"]["n"], record["uuid"]))
    return result


def outputs_in(records):
    result = []
    for r in records:
        record = record_of(r)
        data = record["data"]
        result.append(Output(r["partition"], r["offset"], r["key"].decode(), data["n"], data.get("count"), record["uuid"]))
    return result


def inputs_of(observer, topic):
    return inputs_in(observer.records(topic))


def outputs_of(observer, topic):
    return outputs_in(observer.records(topic))


def integer(data, at):
    """A MessagePack integer at a place, and the place behind it."""
    kind = data[at]
    if kind < 0x80:
        return kind, at + 1
    if kind >= 0xe0:
        return kind - 256, at + 1
    size = 1 << ((kind - 0xcc) % 4)
    assert 0xcc <= kind <= 0xd3, f"not an integer: {kind:#x}"
    return int.from_bytes(data[at + 1:at + 1 + size], "big", signed=kind >= 0xd0), at + 1 + size


def tally(data):
    """A state of kafka_node.cpp: a map of two members with short names in MessagePack, behind its version."""
    start = data.index(b"\x82")  # a map of two
    members, at = {}, start + 1
    for _ in range(2):
        size = data[at] & 0x1f
        name = data[at + 1:at + 1 + size].decode()
        members[name], at = integer(data, at + 1 + size)
    assert at == len(data), "bytes behind a state"
    return State(members["count"], members["sum"])


def states_of(observer, changelog):
    """The last value of each key. A key: two bytes with the size of the keyspace's name, the name, the key."""
    result = {}
    for r in observer.records(changelog):
        size = int.from_bytes(r["key"][:2], "big")
        if r["key"][2:2 + size] != b"state":
            continue
        key = r["key"][2 + size:].decode()
        if r["value"] is None:
            result.pop(key, None)
        else:
            result[key] = tally(r["value"])
    return result


def ends_of(observer, topic):
    return {e["partition"]: End(e["first"], e["decided"], e["end"]) for e in observer.ask("ends", topic)}


def committed_of(observer, group, topic):
    return {p["partition"]: p["offset"] for p in observer.ask("positions", group) if p["topic"] == topic}


def judge(observer, prefix, services, judge_state=True):
    """All that is wrong after a campaign; none when it ended as it should."""
    source = f"{prefix}source-events"
    inputs, ends = inputs_of(observer, source), ends_of(observer, source)
    outputs = {service: outputs_of(observer, f"{prefix}{service}-events") for service in services}
    found = [] if inputs else ["there is no input"]
    rule = {"exact": exactly_once, "least": none_missing, "most": none_doubled}
    for service in services:
        found += [f"{service}: {text}" for text in rule[service](inputs, outputs[service])]
        committed = committed_of(observer, f"{prefix}{service}", source)
        found += [f"{service}: {text}" for text in positions(inputs, ends, committed)]
    if "exact" in services and judge_state:
        found += state(inputs, states_of(observer, f"{prefix}exact-changelog"))
    topics = [t["topic"] for t in observer.ask("topics", prefix)]
    producers = observer.ask("producers", *topics)
    transactions = observer.ask("transactions", prefix)
    if "exact" in services and not transactions:
        found.append("no transaction was ever seen")
    all_ends = {f"{e['topic']}-{e['partition']}": End(e["first"], e["decided"], e["end"])
                for e in observer.ask("ends", *topics)}
    found += decided(all_ends, transactions, producers)
    repeats = {s: len(o) - len({(x.key, x.n) for x in o}) for s, o in outputs.items()}
    counts = {s: len(o) for s, o in outputs.items()}
    return found, {"inputs": len(inputs), "outputs": counts, "repeats": repeats}


# ---- the judgements can fail


def self_check():
    inputs = [Input(k % 2, i * 3 + k // 2, f"k{k}", i * 3 + k, f"u{i}-{k}") for k in range(3) for i in range(4)]
    inputs.sort(key=lambda r: (r.partition, r.offset))
    outputs = [Output(r.partition, r.offset, r.key, r.n, r.n // 3 + 1, "o" + r.uuid) for r in inputs]
    states = {f"k{k}": State(4, sum(i * 3 + k for i in range(4))) for k in range(3)}
    ends = {0: End(0, 13, 13), 1: End(0, 12, 12)}
    at = {0: 11, 1: 10}

    def without(records, i):
        return records[:i] + records[i + 1:]

    def swapped(records, i, j):
        result = copy.copy(records)
        result[i], result[j] = result[j], result[i]
        return result

    same = [i for i, r in enumerate(outputs) if r.key == "k0"]
    doubled = outputs + [outputs[same[0]]]
    late_repeat = outputs + [outputs[same[0]]._replace(uuid="other")]
    moved = outputs[:-1] + [outputs[-1]._replace(partition=outputs[-1].partition ^ 1)]
    strange = outputs + [outputs[0]._replace(n=99)]
    open_end = {**ends, 0: End(0, 9, 13)}
    ongoing, hanging = {"id": "x", "state": "Ongoing"}, {"topic": "t", "partition": 0, "producer": 1, "start": 3}
    checks = {
        "exact outputs pass": not exactly_once(inputs, outputs),
        "each missing output fails": all(exactly_once(inputs, without(outputs, i)) for i in range(len(outputs))),
        "a doubled output fails": bool(exactly_once(inputs, doubled)),
        "a wrong order fails": bool(exactly_once(inputs, swapped(outputs, same[0], same[1]))),
        "a wrong count fails": bool(exactly_once(inputs, [outputs[0]._replace(count=7)] + outputs[1:])),
        "an output in another partition fails": bool(exactly_once(inputs, moved)),
        "a missing end passes as exact so far": not exact_so_far(inputs, without(outputs, same[-1])),
        "a missing middle fails as exact so far": bool(exact_so_far(inputs, without(outputs, same[1]))),
        "a count that begins again fails": bool(
            exact_so_far(inputs, [o._replace(count=1) if o.n == outputs[same[2]].n else o for o in outputs])),
        "repeats pass at least once": not none_missing(inputs, doubled),
        "each missing output fails at least once": all(
            none_missing(inputs, without(outputs, i)) for i in range(len(outputs))),
        "a repeat of another uuid fails": bool(none_missing(inputs, late_repeat)),
        "a wrong order fails at least once": bool(none_missing(inputs, swapped(outputs, same[0], same[1]))),
        "a missing output passes at most once": not none_doubled(inputs, without(outputs, 3)),
        "a doubled output fails at most once": bool(none_doubled(inputs, doubled)),
        "an output without an input fails": bool(none_doubled(inputs, strange)) and bool(none_missing(inputs, strange)),
        "a wrong order fails at most once": bool(none_doubled(inputs, swapped(outputs, same[0], same[1]))),
        "a recomputed state passes": not state(inputs, states),
        "each wrong number in a state fails": all(
            state(inputs, {**states, key: value._replace(**{field: getattr(value, field) + 1})})
            for key, value in states.items() for field in State._fields),
        "a missing state fails": bool(state(inputs, {k: v for k, v in states.items() if k != "k1"})),
        "a state without input fails": bool(state(inputs, {**states, "k9": State(1, 1)})),
        "positions before markers pass": not positions(inputs, ends, at),
        "positions after markers pass": not positions(inputs, ends, {0: 13, 1: 12}),
        "a position before the last record fails": bool(positions(inputs, ends, {**at, 0: 10 - 1})),
        "a position after the end offset fails": bool(positions(inputs, ends, {**at, 1: 13})),
        "a missing position fails": bool(positions(inputs, ends, {0: 11})),
        "decided transactions pass": not decided(ends, [{"id": "x", "state": "CompleteAbort"}], []),
        "an open transaction fails": bool(decided(ends, [ongoing], [])),
        "a hanging transaction fails": bool(decided(ends, [], [hanging])),
        "an undecided end fails": bool(decided(open_end, [], [])),
        "states are decoded": tally(b"\x82\xa5count\xcd\x01\x00\xa3sum\xff") == State(256, -1),
    }
    for name, passed in checks.items():
        print(f"{'ok    ' if passed else 'FAILED'} {name}")
    print(f"self-check: {sum(checks.values())} of {len(checks)} checks passed")
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    if sys.argv[1:] != ["--self-check"]:
        sys.exit(__doc__)
    sys.exit(self_check())
