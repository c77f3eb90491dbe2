"""Campaigns of what operators, other programs and the outside do to nodes at work: joins, leaves, kills, processes that are
frozen, dates that are set, records of any size and text, foreign members of a group, full or closed streams, an outage, a full
disk. No node may end but when it is told to, every service goes on after each of them, and what is committed is judged in the end.

The services and the homes are those of troubles.py; beside them `odd` handles what nobody can handle well.
"""
import base64
import collections
import contextlib
import json
import os
import random
import signal
import subprocess
import time
import uuid
import zlib

import kafka_verify
import troubles
from clock_jumps_test import Date
from node_process import Failure, Process, say, wait_until
from troubles import PATIENCE, ROOMY
from troubles_judge import KEYS, SERVICES, Letter, judge, letters_of

RATE = 100  # records a second of the input
NODES = 3  # at most, at the same time
MOST_NODE_KEY = 65_536  # bytes of a key of a service with state
LONGEST_LINE = 8_400  # bytes of a node's log: two reasons of 4 KiB, and what stands around them
KINDS = ("fine", "output", "state", "text")
# A key stays parked for the whole campaign, and what comes after it is parked too.
PLAIN = {"failures.max_parked_records_per_key": 1_000_000, "failures.max_parked_records": 1_000_000,
         "failures.max_parked_bytes": 1 << 30, "engine.commit_interval_ms": 50, "log.level": "trace", "topics.partitions": troubles.PARTITIONS,
         "supervision.first_backoff_ms": 50}


# ---- odd records


def odd_record(n, kind, key):
    """As the service `strange` would write it on Kafka, in the protocol's JSON."""
    return json.dumps({
        "type": "EVENT", "namespace": "urn:strange", "name": "Odd", "protocol_version": "3.0.0", "version": "1.0.0",
        "source": "urn:strange", "uuid": str(uuid.uuid4()), "correlation_id": "\x1b[2J\nodd", "partition_key": key,
        "date_timestamp": int(time.time() * 1000), "date_iso8601": "2026-01-01T00:00:00.000000+00:00", "context": {},
        "data": {"n": n, "kind": kind}}).encode()


def odd_records(first):
    """One of each kind: (key, value)."""
    hostile = "odd-\x1b[2J\n2026 critical: forged"
    found = [(hostile.encode(), odd_record(first + i, kind, hostile)) for i, kind in enumerate(KINDS)]
    found.append((b"k" * 70_000, odd_record(first + len(KINDS), "fine", "k" * 70_000)))
    found.append((b"garbage", b"\x1b[31m\n\xff\x00" * 30_000))
    found.append((b"huge", odd_record(first + len(KINDS) + 1, "fine" + "\x1b[1m" * 30_000, "huge")))
    found.append((b"after", odd_record(first + len(KINDS) + 2, "fine", "after")))
    return found


def fate(record, takes_large_states):
    """What has to become of an odd record: "borne" or "letter"."""
    try:
        kind = json.loads(record["value"])["data"]["kind"]
    except ValueError:
        return "letter"
    if len(record["key"]) > MOST_NODE_KEY or kind in ("output", "text"):
        return "letter"
    return "letter" if kind == "state" and not takes_large_states else "borne"


def oddities(records, outputs, letters, takes_large_states):
    """Each odd record has its one output or its one dead letter, and none has both."""
    found = []
    borne = collections.Counter(kafka_verify.record_of(o)["data"]["n"] for o in outputs)
    places = collections.Counter(letter.place for letter in letters)
    for record in records:
        place = ("strange-events", record["partition"], record["offset"])
        wanted = fate(record, takes_large_states)
        try:
            n = json.loads(record["value"])["data"]["n"]
        except ValueError:
            n = None
        got = borne[n] if n is not None else 0, places[place]
        if got != ((1, 0) if wanted == "borne" else (0, 1)):
            found.append(f"{place} with key {record['key'][:20]} has {got[0]} outputs and {got[1]} dead letters, not one {wanted}")
    for name, counted, most in (("outputs", sum(borne.values()), len(records)), ("dead letters", len(letters), len(records))):
        if counted > most:
            found.append(f"{counted} {name} of {most} odd records")
    return kafka_verify.some(found)


def hostile_lines(lines):
    """Lines of a log that reach further than a line should."""
    return kafka_verify.some([f"a line of the log: {line[:200]!r}" for line in lines
                              if len(line.encode()) > LONGEST_LINE or any(c < " " and c != "\t" for c in line)])


def self_check():
    """Shows that the judgements of this file can fail."""
    records = [{"partition": 0, "offset": i, "key": key, "value": value} for i, (key, value) in enumerate(odd_records(0))]
    outputs = [{"value": json.dumps({"data": {"n": json.loads(r["value"])["data"]["n"]}})} for r in records
               if fate(r, True) == "borne"]
    letters = [Letter(("strange-events", 0, r["offset"]), "", b"") for r in records if fate(r, True) == "letter"]
    checks = {
        "each fate is there": outputs and letters and len(outputs) + len(letters) == len(records),
        "all as it should be passes": not oddities(records, outputs, letters, True),
        "each missing output fails": all(oddities(records, outputs[:i] + outputs[i + 1:], letters, True)
                                         for i in range(len(outputs))),
        "a doubled output fails": bool(oddities(records, outputs + outputs[:1], letters, True)),
        "each missing dead letter fails": all(oddities(records, outputs, letters[:i] + letters[i + 1:], True)
                                              for i in range(len(letters))),
        "a doubled dead letter fails": bool(oddities(records, outputs, letters + letters[:1], True)),
        "a large state that was to be refused fails": bool(oddities(records, outputs, letters, False)),
        "a line passes": not hostile_lines(["a line\\n"]),
        "an escape character fails": bool(hostile_lines(["\x1b[2J"])),
        "an endless line fails": bool(hostile_lines(["x" * (LONGEST_LINE + 1)])),
    }
    for name, passed in checks.items():
        say(f"{'ok    ' if passed else 'FAILED'} {name}")
    if not all(checks.values()):
        raise Failure("the self-check failed")


# ---- homes


class Embedded(troubles.Embedded):
    services = (*troubles.Embedded.services, "strange", "odd")
    takes_large_states = True
    rate = RATE

    def __init__(self, name):
        super().__init__(name)
        self.settings |= PLAIN
        self.date = Date(self.folder)
        self.environment = self.date.environment()


class OnKafka(troubles.OnKafka):
    services = (*SERVICES, "odd")
    takes_large_states = False
    rate = RATE
    environment = {}

    def __init__(self, name):
        super().__init__(name)
        self.settings |= PLAIN | {"kafka.max_record_bytes": 1 << 20}
        self.oddities = self.prefix + "strange-events"
        self.odd = 0  # how many were written
        self.observer.ask("create", self.oddities, troubles.PARTITIONS, "max.message.bytes=2000000")

    def put(self, records):
        file = self.folder / "put"
        file.write_text("".join("\t".join((str(zlib.crc32(key) % troubles.PARTITIONS), base64.b64encode(key).decode(),
                                           base64.b64encode(value).decode())) + "\n" for key, value in records))
        self.observer.ask("put", self.oddities, file)
        self.odd += len(records)

    def lags(self):
        """Of each service: how many offsets of its input are not committed."""
        return {s: self.lag_of(s, self.oddities if s == "odd" else self.source) for s in self.services}

    def lag_of(self, service, topic):
        at = kafka_verify.committed_of(self.observer, self.prefix + service, topic)
        return sum(max(0, end - at.get(p, 0)) for p, end in self.snapshot[topic].items())

    def take_snapshot(self):
        self.snapshot = {topic: {p: end.end for p, end in kafka_verify.ends_of(self.observer, topic).items()}
                         for topic in (self.source, self.oddities)}

    def left(self):
        left = super().left()
        there = {t["topic"] for t in self.observer.ask("topics", self.prefix)}
        for topic in ("strange-events", "odd-events", "odd-dead-letters"):
            if self.prefix + topic in there:
                left.topics[topic] = self.observer.records(self.prefix + topic)
                for record in left.topics[topic]:
                    record["headers"] = {k: kafka_verify.unpacked(v) for k, v in record["headers"].items()}
        return left


# ---- a campaign


class Operations:
    """Draws one operation after the other, each kind as often as the others, until the time is over."""

    def __init__(self, home, seconds, operations, services=("exact", "least", "most", "odd")):
        self.home, self.seconds, self.operations, self.services = home, seconds, operations, services
        self.seed = int(os.environ.get("SEED", random.SystemRandom().randrange(2**32)))
        self.chance = random.Random(self.seed)
        self.seen, self.nodes, self.names = collections.Counter(), {}, 0

    # nodes

    def start(self, *more, streams=None, name=None, **settings):
        """A node with a name and copies of its own; on the embedded store they all have one."""
        if name is None:
            name = "node" if not isinstance(self.home, OnKafka) else self.free_name()
        if isinstance(self.home, OnKafka):
            settings |= {"node__id": name, "store__path": self.home.disk / name}
        command = self.home.command("run", "--services", ",".join(self.home.services), "--troubles", self.home.troubles,
                                    "--rate", self.home.rate, "--keys", KEYS, *more, **settings)
        if streams is not None:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=streams, stderr=streams,
                                    env={**os.environ, **self.home.environment})
        node = Process(name, command, self.home.folder / f"{len(self.home.processes):03}-{name}.log", self.home.environment)
        self.home.processes.append(node)
        self.nodes[name] = node
        return node

    def free_name(self):
        """In turn, so that some come back to their copies; none that a node at work has."""
        while True:
            self.names += 1
            name = f"node-{self.names % (2 * NODES)}"
            if name not in self.nodes:
                return name

    def leave(self, node):
        del self.nodes[node.name]
        node.drain()

    def told(self, text):
        """In how many lines of the nodes that live."""
        return sum(len(node.said(text)) for node in self.nodes.values())

    def any_node(self):
        return self.chance.choice(list(self.nodes.values()))

    # what has to hold

    def all_are_alive(self):
        for node in self.nodes.values():
            if not node.alive():
                node.join()
                raise Failure(f"node {node.name} ended with {node.process.returncode} by itself\n{node.tail(30)}")

    def goes_on(self):
        """Every partition of every service comes to where its input ends now; on the embedded store, every service commits."""
        def told():
            return "not all go on\n" + "".join(f"  node {n.name}:\n{n.tail()}" for n in self.nodes.values())
        if isinstance(self.home, OnKafka):
            self.home.take_snapshot()

            def is_over():
                self.all_are_alive()
                return not any(self.home.lags().values())
            wait_until(is_over, PATIENCE, lambda: f"{self.home.lags()} records are left; {told()}")
        else:
            before = collections.Counter()
            for node in self.nodes.values():
                before.update({s: node.committed[s] for s in self.services})

            def have_committed():
                self.all_are_alive()
                return all(sum(n.committed[s] for n in self.nodes.values()) > before[s] + 1 for s in self.services)
            wait_until(have_committed, PATIENCE, told)

    def run(self):
        say(f"{type(self.home).__name__}: {self.seconds:g} s, seed {self.seed}")
        began = time.monotonic()
        with self.home.load():
            self.start()
            self.goes_on()
            while time.monotonic() < began + self.seconds or min(self.seen[o.__name__] for o in self.operations) == 0:
                for operation in self.chance.sample(self.operations, len(self.operations)):
                    at = time.monotonic()
                    try:
                        operation(self)
                        if not self.nodes:
                            self.start()
                        self.goes_on()
                    except Failure as failure:
                        raise Failure(f"seed {self.seed}, {operation.__name__}, after {dict(self.seen)}: {failure}") from None
                    self.seen[operation.__name__] += 1
                    say(f"  {time.monotonic() - began:7.1f} s  {operation.__name__} ({time.monotonic() - at:.1f} s)")
                    if time.monotonic() > began + self.seconds and min(self.seen[o.__name__] for o in self.operations):
                        break
        self.finish(began)

    def finish(self, began):
        self.home.tell("full")
        for node in list(self.nodes.values()):
            self.leave(node)
        self.home.tell("mended")
        for service in ("exact", "least"):
            self.home.parked(service, release=True)
        last = self.start("--until-idle", name="last")
        last.wait_end(0, seconds=120)
        left = self.home.left()
        found, numbers = judge(left, stands_still=self.seen["freeze"] > 0)
        odd = left.topics["strange-events"]
        found += oddities(odd, left.topics["odd-events"], letters_of(left.topics["odd-dead-letters"]),
                          self.home.takes_large_states)
        found += [] if odd else ["there were no odd records"]
        found += [f"a reason of a dead letter: {text[:200]!r}" for record in left.topics["odd-dead-letters"]
                  for name, text in record["headers"].items()
                  if name in ("eventy-reason", "eventy-error-class") and hostile_lines([text])]
        found += [text for process in self.home.processes for text in hostile_lines(list(process.lines))]
        told = f"{numbers}, {len(odd)} odd records, seen {dict(self.seen)}"
        if found:
            raise Failure("\n".join([f"seed {self.seed}: {told}", *found]))
        say(f"passed {type(self.home).__name__}: {told} ({time.monotonic() - began:.1f} s, seed {self.seed})")


# ---- what nodes go through on every store


def outage(c):
    """The dependency of the handlers is away for a moment: their partitions pause, and go on."""
    before = c.told("the partition pauses")
    c.home.tell("outage")
    wait_until(lambda: c.told("the partition pauses") > before, PATIENCE, "no partition pauses")
    time.sleep(c.chance.uniform(0, 1))
    c.home.tell("outage", False)


def leave_and_return(c):
    """A node drains and another life of it begins."""
    node = c.any_node()
    c.leave(node)
    c.start(name=node.name)


def kill(c):
    """kill -9, and another life."""
    node = c.any_node()
    del c.nodes[node.name]
    node.kill()
    c.start(name=node.name)


def sees_no_end_of_streams(c, streams):
    node = c.start(streams=streams, name="mute" if isinstance(c.home, OnKafka) else None)
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise Failure(f"a node without a reader ended with {node.wait(c.chance.uniform(1, 4))}")
        node.terminate()
        if code := node.wait(PATIENCE):
            raise Failure(f"a node without a reader ended with {code} after SIGTERM")
    finally:
        if node.poll() is None:
            node.kill()
            node.wait()


def full_streams(c):
    """A node's output goes to a full device."""
    make_room_for_one(c)
    with open("/dev/full", "w") as full:
        sees_no_end_of_streams(c, full)


def readers_that_go(c):
    """A node's output has no reader any more."""
    make_room_for_one(c)
    read, write = os.pipe()
    os.close(read)
    try:
        sees_no_end_of_streams(c, write)
    finally:
        os.close(write)


def make_room_for_one(c):
    """The embedded store has one node at a time."""
    if not isinstance(c.home, OnKafka):
        c.leave(c.any_node())


# ---- on the embedded store


def a_date_that_is_set(c):
    """The date jumps by up to two hours, back or forward, under load."""
    c.home.date.set(c.chance.choice((-7200, 7200, -60, 0)))
    c.goes_on()
    c.home.date.set(0)


def a_full_disk(c):
    """No room is left on the disk: cycles are undone until there is."""
    def undone():
        c.home.fill()
        return c.told("MiB are free on its disk") + c.told("No space left")
    before = undone()
    wait_until(lambda: undone() > before, PATIENCE, "the full disk does not show")
    c.home.resize(ROOMY)


def release(c):
    """The keys that are parked are released too early: by a command, while no node works."""
    c.leave(c.any_node())
    for service in ("exact", "least"):
        c.home.parked(service, release=True)


# ---- on Kafka


def join(c):
    if len(c.nodes) < NODES:
        c.start()


def leave(c):
    if len(c.nodes) > 1:
        c.leave(c.any_node())


def join_and_leave_at_once(c):
    """A node is told to leave while it is still about to join."""
    node = c.start(name="brief")
    time.sleep(c.chance.uniform(0, 3))
    c.leave(node)


def freeze(c):
    """A process stands still for longer than its session lasts: others take over, and it comes back as one that has nothing."""
    node = c.any_node()
    node.signal(signal.SIGSTOP)
    time.sleep(c.chance.uniform(2.5, 6))
    node.signal(signal.SIGCONT)


def odd_ones(c):
    """Records that are too large, or hostile, in the midst of good ones."""
    c.home.put(odd_records(c.home.odd))


def release_at_work(c):
    """The keys that are parked are released too early, while nodes work."""
    for service in ("exact", "least"):
        c.home.parked(service, release=True)


def a_stranger_in_a_group(c):
    """Another program joins a service's group and takes partitions; nodes name it, and have them back when it is gone."""
    group = c.home.prefix + "exact"
    wait_until(lambda: c.all_are_alive() or len(c.home.observer.ask("members", group)) == len(c.nodes), PATIENCE,
               "not every node is a member")
    before = c.told("not nodes of its service")
    # A rebalance with a node that has just come may take longer than the stranger stays.
    if not any(c.home.observer.ask("join", group, group + "-requests", 6000)[0]["partitions"] for _ in range(3)):
        raise Failure("the stranger was given no partition")
    if c.told("not nodes of its service") == before:
        raise Failure("no node names the stranger")


def a_topic_made_anew(c):
    """An input is deleted and made anew, with more records than were read: its node ends, and handles none of them."""
    c.seen["topics made anew"] += 1
    prefix = f"{c.home.prefix}anew{c.seen['topics made anew']}-"
    topic = prefix + "source-events"
    ask = c.home.observer.ask

    def filled(count, after=0):
        ask("create", topic, 1)
        time.sleep(after)
        ask("feed", topic, 1, KEYS, 0, count, 0)
        ask("end-feed", topic)
    filled(400)
    name = f"anew-{c.seen['topics made anew']}"
    command = c.home.command("run", "--services", "exact", "--troubles", c.home.troubles, kafka__prefix=prefix, node__id=name,
                             topics__partitions=1, store__path=c.home.disk / name)
    node = Process(name, command, c.home.folder / f"{len(c.home.processes):03}-{name}.log")
    c.home.processes.append(node)
    wait_until(lambda: not node.alive() or kafka_verify.committed_of(c.home.observer, prefix + "exact", topic).get(0, 0) >= 400,
               PATIENCE, lambda: f"the first topic is not read\n{node.tail()}")
    handled = len(c.home.observer.records(prefix + "exact-events"))
    ask("delete", topic)
    filled(600, after=1)  # what grows past the position at once cannot be told
    node.wait_end(70, seconds=PATIENCE)
    if not node.said("created again"):
        raise Failure(f"it does not say that its topic was made anew\n{node.tail()}")
    if (after := len(c.home.observer.records(prefix + "exact-events"))) != handled:
        raise Failure(f"{after - handled} records of the new topic were handled")


EVERYWHERE = [outage, leave_and_return, kill, full_streams, readers_that_go]
ON_KAFKA = EVERYWHERE + [join, leave, join_and_leave_at_once, freeze, odd_ones, release_at_work, a_stranger_in_a_group,
                         a_topic_made_anew]


def on_kafka(seconds):
    with troubles.kept(OnKafka("operations")) as home:
        Operations(home, seconds, ON_KAFKA).run()


def on_embedded(seconds):
    with troubles.kept(Embedded("operations")) as home:
        operations = EVERYWHERE + [a_date_that_is_set, release] + ([a_full_disk] if home.has_disk else [])
        Operations(home, seconds, operations).run()
