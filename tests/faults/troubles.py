"""Campaigns in which all goes wrong at the same time, on the embedded store and on Kafka: kill -9 at random moments, a
poisoned key, rotten records, a dependency that goes away, too little memory and a full disk, while flights and services
of all three guarantees run (troubled_node.cpp). Judged from what is committed in the end, by recomputation.

Each fault is counted, and a campaign in which one did not show fails.
"""
import collections
import contextlib
import json
import os
import pathlib
import random
import resource
import shutil
import subprocess
import tempfile
import time

import kafka_harness
import kafka_verify
from kafka_harness import Observer, shared_bootstrap
from node_process import Failure, Process, say, wait_until

import flights_oracle

PROGRAM = kafka_harness.build / "tests/bin/troubled_node"
WEEK = kafka_harness.source / "examples/flights/data/week.csv"
SERVICES = ("exact", "least", "most")
PARTITIONS, KEYS, RATE = 6, 60, 400
SETTINGS = {
    "engine.commit_interval_ms": 20,
    "topics.partitions": PARTITIONS,
    "supervision.first_backoff_ms": 50,
    "log.level": "trace",
}
ROOMY, SPARE = 2 << 30, 64 << 10  # bytes of the disk, and what is left on a full one
MEMORY = 64 << 20  # bytes that a process may grow by under the memory limit
PATIENCE = 40  # seconds


def is_rotten(record):
    """Which inputs no handler takes; as in troubled_node.cpp."""
    return record.key == "key-11" and record.n // KEYS % 5 == 2


# ---- where a campaign keeps its data


class Home:
    """A folder on a disk of its own, and the files that tell of troubles."""

    def __init__(self, name):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"troubles.{name}."))
        self.disk, self.troubles = self.folder / "disk", self.folder / "troubles"
        self.disk.mkdir(), self.troubles.mkdir()
        self.has_disk = not subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOMY}", "none", self.disk],
                                           stderr=subprocess.DEVNULL).returncode
        self.settings = {**SETTINGS, "store.path": self.disk / "data"}
        self.processes = []

    def resize(self, size):
        """False: more is in use by now."""
        return subprocess.run(["mount", "-o", f"remount,size={size}", self.disk], stderr=subprocess.DEVNULL).returncode == 0

    def fill(self):
        """What is free afterwards is less than any write wants to see. RocksDB gives room back that it had reserved: again then."""
        at = os.statvfs(self.disk)
        if at.f_bfree * at.f_frsize > 2 * SPARE:
            self.resize((at.f_blocks - at.f_bfree) * at.f_frsize + SPARE)

    def tell(self, name, on=True):
        file = self.troubles / name
        if on:
            file.touch()
        else:
            file.unlink(missing_ok=True)

    def command(self, *words, **settings):
        """A command line of the program; SECTION__KEY=VALUE sets more."""
        wanted = self.settings | {key.replace("__", "."): value for key, value in settings.items()}
        return [str(w) for w in (PROGRAM, *words, *(w for k, v in wanted.items() for w in ("--set", f"{k}={v}")))]

    def node(self, name, services, *more, **settings):
        command = self.command("run", "--services", ",".join(services), "--troubles", self.troubles, "--rate", RATE,
                               "--keys", KEYS, *more, **settings)
        self.processes.append(Process(name, command, self.folder / f"{len(self.processes):03}-{name}.log"))
        return self.processes[-1]

    def ask(self, *words):
        done = subprocess.run(self.command(*words, "--set", "log.level=warning"), capture_output=True, text=True,
                              timeout=PATIENCE)
        if done.returncode:
            raise Failure(f"{words} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def parked(self, service, release=False):
        """The records that are parked; `release` asks for their keys' release. No node may run on an embedded store then."""
        return json.loads(self.ask("release" if release else "parked", "--service", service))["records"]

    def close(self, keep):
        if self.has_disk:
            subprocess.run(["umount", "--lazy", self.disk], check=True)
        if keep:
            say(f"the nodes' logs are kept in {self.folder}")
        else:
            shutil.rmtree(self.folder)


class Embedded(Home):
    """Its input comes from a service of the node, and is read back by the program itself."""
    services = ("source", *SERVICES)

    def __init__(self, name):
        super().__init__(name)
        self.settings |= {"store.type": "embedded", "engine.commit_interval_ms": 4}  # its commits are short

    def load(self):
        return contextlib.nullcontext()

    def left(self):
        """What is committed, as the judge wants it."""
        topics, states, ends = collections.defaultdict(list), {}, {}
        positions = collections.defaultdict(dict)
        for line in self.ask("dump").splitlines():
            told = json.loads(line)
            if told["is"] == "record":
                told["key"], told["value"] = (told[k] and bytes.fromhex(told[k]) for k in ("key", "value"))
                told["headers"] = {k: bytes.fromhex(v).decode() for k, v in told["headers"].items()}
                topics[told["topic"]].append(told)
            elif told["is"] == "state":
                states[bytes.fromhex(told["key"]).decode()] = kafka_verify.tally(bytes.fromhex(told["value"]))
            elif told["is"] == "end":
                ends[told["partition"]] = kafka_verify.End(0, told["offset"], told["offset"])
            else:
                positions[told["service"]][told["partition"]] = told["offset"]
        return Left(topics, states, ends, positions)


class OnKafka(Home):
    """Its input and all that is judged go through Kafka's Java client; the disk holds the copies of states."""
    services = SERVICES

    def __init__(self, name, bootstrap=None):
        super().__init__(name)
        self.bootstrap = bootstrap or shared_bootstrap()
        self.prefix = f"{self.folder.name}-"
        self.settings |= {"store.type": "kafka", "kafka.bootstrap": self.bootstrap, "kafka.prefix": self.prefix,
                          "kafka.session_timeout_ms": 2000, "kafka.transaction_timeout_ms": 10000,
                          "store.write_buffer_bytes": 4 << 20}
        self.observer = Observer(self.bootstrap)
        self.source, self.given = self.prefix + "source-events", 0
        self.observer.ask("create", self.source, PARTITIONS)

    @contextlib.contextmanager
    def load(self):
        self.observer.ask("feed", self.source, PARTITIONS, KEYS, self.given, 0, RATE)
        try:
            yield
        except BaseException:
            self.observer.ask("drop-feed", self.source)
            raise
        self.given += self.observer.ask("end-feed", self.source)[0]["fed"]

    def lag(self, service):
        """How many offsets of the input lie behind a service's positions."""
        at = kafka_verify.committed_of(self.observer, self.prefix + service, self.source)
        return sum(end.end - at.get(p, 0) for p, end in kafka_verify.ends_of(self.observer, self.source).items())

    def left(self):
        def records(topic):
            found = self.observer.records(self.prefix + topic)
            for record in found:
                record["headers"] = {k: kafka_verify.unpacked(v) for k, v in record["headers"].items()}
            return found
        there = {t["topic"] for t in self.observer.ask("topics", self.prefix)}
        topics = {topic: records(topic) for topic in ("source-events", *(f"{s}-{kind}" for s in SERVICES
                                                                         for kind in ("events", "dead-letters")))
                  if self.prefix + topic in there}
        positions = {s: kafka_verify.committed_of(self.observer, self.prefix + s, self.source) for s in SERVICES
                     if f"{s}-events" in topics}
        return Left(topics, kafka_verify.states_of(self.observer, self.prefix + "exact-changelog"),
                    kafka_verify.ends_of(self.observer, self.source), positions)

    def close(self, keep):
        self.observer.close()
        super().close(keep)


# ---- the judgement


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
    found = [] if sorted(r.n for r in inputs) == list(range(len(inputs))) else ["the numbers of the input have gaps or repeats"]
    return found + [f"the input of {key} is not in order" for key, records in kafka_verify.by_key(inputs).items()
                    if [r.n for r in records] != sorted(r.n for r in records)]


def judge(left, services=SERVICES):
    """All that is wrong with what a campaign left, and some numbers."""
    inputs = kafka_verify.inputs_in(left.topics["source-events"])
    values = {(r["partition"], r["offset"]): r["value"] for r in left.topics["source-events"]}
    rotten, edible = [r for r in inputs if is_rotten(r)], [r for r in inputs if not is_rotten(r)]
    outputs = {s: kafka_verify.outputs_in(left.topics.get(f"{s}-events", [])) for s in services}
    letters = {s: letters_of(left.topics.get(f"{s}-dead-letters", [])) for s in services}
    found = numbers_in_order(inputs) + ([] if rotten else ["there was no rotten input"])
    rule = {"exact": kafka_verify.exactly_once, "least": kafka_verify.none_missing, "most": kafka_verify.none_doubled}
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


# ---- the faults


class Outage:
    """The dependency that handlers ask goes away; their partitions pause."""
    name, blocks = "outage", True

    def begin(self, home, _):
        home.tell("outage")

    def shows(self, node):
        return node.said("the partition pauses")

    def end(self, home, _):
        home.tell("outage", False)


class Memory:
    """The process may not grow, and a handler wants more: std::bad_alloc, contained by a restart of its partition."""
    name, blocks = "memory", False

    def begin(self, home, node):
        pages = int(pathlib.Path(f"/proc/{node.process.pid}/statm").read_text().split()[0])
        size = pages * resource.getpagesize() + MEMORY
        self.limits = resource.prlimit(node.process.pid, resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
        home.tell("hungry")

    def shows(self, node):
        return node.said("bad_alloc")

    def end(self, home, node):
        home.tell("hungry", False)
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(node.process.pid, resource.RLIMIT_AS, self.limits)


class Disk:
    """The disk is full; cycles are undone until there is room."""
    name, blocks = "disk", True

    def begin(self, home, _):
        self.home = home

    def shows(self, node):
        self.home.fill()
        return node.said("MiB are free on its disk") or node.said("No space left")

    def end(self, home, _):
        home.resize(ROOMY)


# ---- a campaign


class Campaign:
    def __init__(self, home, kills, seed=None, weeks=1, broken=False):
        self.home, self.kills, self.broken = home, kills, broken
        self.seed = int(os.environ.get("SEED", random.SystemRandom().randrange(2**32))) if seed is None else seed
        self.chance = random.Random(self.seed)
        self.seen, self.inside, self.releases = collections.Counter(), 0, 0
        lines = WEEK.read_text().splitlines(keepends=True)
        self.input = home.folder / "flights.csv"
        self.input.write_text(lines[0] + "".join(lines[1:]) * weeks)

    def plan(self):
        """Which fault comes in which life: each kind in a tenth of them, two at least."""
        kinds = [Outage, Memory] + ([Disk] if self.home.has_disk else [])
        wanted = [kind() for kind in kinds for _ in range(max(2, self.kills // 10))]
        lives = wanted + [None] * max(0, self.kills - len(wanted))
        self.chance.shuffle(lives)
        return lives[:self.kills]

    def node(self, *more, rows=1):
        return self.home.node("node", [*self.home.services, "flights"], "--input", self.input, "--rows", rows, *more,
                              *(["--broken"] if self.broken else []))

    def count(self, node):
        """What a life showed, once it is over."""
        for what, text in {"parked": "a key is parked", "stayed parked": "its key stays parked", "released": "a key is released",
                           "dead letters": "dead letter: ", "pauses": "the partition pauses", "went on": "the partition goes on",
                           "bad_alloc": "bad_alloc", "undone": "is done again", "restarts": "starting it again"}.items():
            self.seen[what] += len(node.said(text))

    def suffer(self, node, fault):
        """Until the fault shows, or has ended the process."""
        wait_until(lambda: fault.shows(node) or not node.alive(), PATIENCE,
                   lambda: f"{fault.name} does not show\n{node.tail()}")
        if not node.alive() and not fault.shows(node):
            raise Failure(f"{node.name} ended with {node.process.returncode} without {fault.name}\n{node.tail()}")
        self.seen[fault.name] += 1

    def live(self, fault, lasting):
        """One life. A fault may last from the one before; returns the one that lasts on."""
        node = self.node()
        try:
            if lasting:
                self.suffer(node, lasting)
                lasting.end(self.home, node)
                if not node.alive():
                    return None
            for service in SERVICES:
                node.wait_for_cycles(service, seconds=PATIENCE)
            if fault:
                fault.begin(self.home, node)
                self.suffer(node, fault)
                lasts = fault.blocks and self.chance.random() < 0.5
                if not lasts:
                    fault.end(self.home, node)
                    for service in SERVICES if node.alive() else ():
                        self.wait_for_cycles_or_end(node, service)
            time.sleep(self.chance.uniform(0, 0.6))
            return fault if fault and lasts else None
        finally:
            self.end_life(node)

    def wait_for_cycles_or_end(self, node, service):
        wanted = node.committed[service] + 1
        wait_until(lambda: node.committed[service] >= wanted or not node.alive(), PATIENCE,
                   lambda: f"{service} does not go on\n{node.tail()}")

    def end_life(self, node):
        if node.alive():
            self.inside += node.kill()
            self.seen["kills"] += 1
        else:
            node.join()
            self.seen[f"ended with {node.process.returncode}"] += 1
        self.count(node)

    def release(self):
        self.releases += 1
        for service in ("exact", "least"):
            self.seen["asked for release"] += self.home.parked(service, release=True)

    def run(self):
        say(f"{type(self.home).__name__}: {self.kills} kills, seed {self.seed}")
        began = time.monotonic()
        with self.home.load():
            lasting = None
            lives = self.plan()
            while self.seen["kills"] < self.kills:
                lasting = self.live(lives.pop() if lives else None, lasting)
                if not lasting and self.seen["parked"] and self.chance.random() < 0.3:
                    self.home.tell("mended", self.releases % 2 == 1)  # the first time it is too early
                    self.release()
            if lasting:
                lasting.end(self.home, None)
        self.home.tell("full")
        oracle = flights_oracle.report(self.input)
        if self.home.ask("report").strip() == oracle:
            raise Failure("the flights were over before the last kill")
        self.finish()
        found, numbers = judge(self.home.left())
        if (report := self.home.ask("report").strip()) != oracle:
            found.append(f"the flights came to {report} instead of {oracle}")
        found += self.unproved()
        told = f"{type(self.home).__name__}: {numbers}, seen {dict(self.seen)}, {self.inside} kills inside a cycle"
        if found:
            raise Failure("\n".join([f"seed {self.seed}: {told}", *found]))
        say(f"passed {told} ({time.monotonic() - began:.1f} s, seed {self.seed})")

    def finish(self):
        """All is mended and released, and the last node runs until nothing is left."""
        self.home.tell("mended")
        self.release()
        node = self.node("--until-idle", rows=1000)
        node.wait_end(0, seconds=120)
        self.count(node)
        for service in ("exact", "least"):
            if left := self.home.parked(service):
                raise Failure(f"{left} records of {service} are still parked")

    def unproved(self):
        """Faults that did not show."""
        wanted = {"kills": self.kills, "outage": 1, "memory": 1, "bad_alloc": 1, "pauses": 1, "went on": 1, "parked": 1,
                  "asked for release": 1, "released": 1, "dead letters": 1}
        if self.home.has_disk:
            wanted |= {"disk": 1}
        else:
            say("without a full disk: no permission to mount a file system")
        found = [f"{what} was seen {self.seen[what]} times, {least} are needed" for what, least in wanted.items()
                 if self.seen[what] < least]
        if self.inside < self.kills // 10:
            found.append(f"{self.inside} kills hit the inside of a cycle")
        return found


@contextlib.contextmanager
def kept(home):
    """The home goes at the end, but for the logs where something failed."""
    try:
        yield home
    except BaseException:
        for process in home.processes:
            if process.alive():
                process.kill()
        home.close(keep=True)
        raise
    home.close(keep="KEEP" in os.environ)


def campaign(home, kills, **how):
    with kept(home):
        Campaign(home, kills, **how).run()


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
        "one of another place fails": bool(dead_letters(rotten, values, [letter, letter._replace(place=("source-events", 4, 8))])),
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
