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
import signal
import subprocess
import tempfile
import time

import kafka_harness
import kafka_verify
from kafka_harness import Observer, shared_bootstrap
from node_process import Failure, Process, say, wait_until
from troubles_judge import KEYS, SERVICES, Left, judge

import flights_oracle

PROGRAM = kafka_harness.build / "tests/bin/troubled_node"
WEEK = kafka_harness.source / "examples/flights/data/week.csv"
PARTITIONS, RATE = 6, 400
SETTINGS = {
    "engine.commit_interval_ms": 20,
    "topics.partitions": PARTITIONS,
    "supervision.first_backoff_ms": 50,
    "log.level": "trace",
}
# Lines of a log that are counted, and what they tell.
SIGNS = {"parked": "a key is parked", "stayed parked": "its key stays parked", "released": "a key is released",
         "dead letters": "dead letter: ", "pauses": "the partition pauses", "went on": "the partition goes on",
         "bad_alloc": "bad_alloc", "undone": "is done again", "restarts": "restarting it"}
ROOMY, SPARE = 2 << 30, 64 << 10  # bytes of the disk, and what is left on a full one
MEMORY = (0, 64 << 20)  # bytes that a process may grow by under the memory limit: anything fails, or large demands only
PATIENCE = 40  # seconds


# ---- where a campaign keeps its data


class Home:
    """A folder on a disk of its own, and the files that tell of troubles."""
    rate = RATE

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
        """Less is free afterwards than any write wants to see. RocksDB gives back room that it had reserved: again then."""
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
        command = self.command("run", "--services", ",".join(services), "--troubles", self.troubles, "--rate", self.rate,
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
        self.observer.ask("feed", self.source, PARTITIONS, KEYS, self.given, 0, self.rate)
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


# ---- the faults


class Fault:
    """One is made for one life; `ends` are the exit codes with which it may end a process."""
    name, blocks, ends = "", False, ()

    def __init__(self, _):
        pass

    def over(self, _):
        """Told by the node, once it has ended; else the cycles that come tell."""
        return True


class Outage(Fault):
    """The dependency that handlers ask goes away; their partitions pause."""
    name, blocks = "outage", True

    def begin(self, home, _):
        home.tell("outage")

    def shows(self, node):
        return node.said("the partition pauses")

    def end(self, home, _):
        home.tell("outage", False)

    def over(self, node):
        return node.said("the partition goes on")


class Memory(Fault):
    """The process may not grow, and a handler wants more: std::bad_alloc, contained by a restart of its partition."""
    name, blocks, ends = "memory", False, (1, 70, -signal.SIGABRT)  # libraries abort where they get no memory

    def __init__(self, chance):
        self.room = chance.choice(MEMORY)

    def begin(self, home, node):
        pages = int(pathlib.Path(f"/proc/{node.process.pid}/statm").read_text().split()[0])
        size = pages * resource.getpagesize() + self.room
        self.limits = resource.prlimit(node.process.pid, resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
        home.tell("hungry")

    def shows(self, node):
        return node.said("bad_alloc")

    def end(self, home, node):
        home.tell("hungry", False)
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(node.process.pid, resource.RLIMIT_AS, self.limits)


class Disk(Fault):
    """The disk is full; cycles are undone until there is room."""
    name, blocks, ends = "disk", True, (1, 70)

    def __init__(self, _):
        self.home = None

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
        self.lives = self.plan()
        lines = WEEK.read_text().splitlines(keepends=True)
        self.input = home.folder / "flights.csv"
        self.input.write_text(lines[0] + "".join(lines[1:]) * weeks)

    def plan(self):
        """Which fault comes in which life: each kind in a tenth of them, two at least."""
        kinds = [Outage, Memory] + ([Disk] if self.home.has_disk else [])
        wanted = [kind(self.chance) for kind in kinds for _ in range(max(2, self.kills // 10))]
        lives = wanted + [None] * max(0, self.kills - len(wanted))
        self.chance.shuffle(lives)
        return lives[:self.kills]

    def node(self, *more, rows=1):
        return self.home.node("node", [*self.home.services, "flights"], "--input", self.input, "--rows", rows, *more,
                              *(["--broken"] if self.broken else []))

    def count(self, node):
        """What a life showed, once it is over."""
        for what, text in SIGNS.items():
            self.seen[what] += len(node.said(text))

    def suffer(self, node, fault):
        """Until the fault shows, or has ended the process."""
        wait_until(lambda: fault.shows(node) or not node.alive(), PATIENCE,
                   lambda: f"{fault.name} does not show\n{node.tail()}")
        if not node.alive():
            node.join()  # its last lines may be unread
            if not fault.shows(node):
                raise Failure(f"{node.name} ended with {node.process.returncode} without {fault.name}\n{node.tail()}")
        self.seen[fault.name] += 1

    def live(self, fault, lasting):
        """One life. A fault may last from the one before; returns the one that lasts on."""
        node = self.node()
        try:
            if lasting:
                self.suffer(node, lasting)
                self.heal(node, lasting)
                if not node.alive():
                    self.lives.append(fault)  # for the next one
                    return None
            for service in SERVICES:
                node.wait_for_cycles(service, seconds=PATIENCE)
            if fault:
                fault.begin(self.home, node)
                self.suffer(node, fault)
                lasts = fault.blocks and self.chance.random() < 0.5
                if not lasts:
                    self.heal(node, fault)
            time.sleep(self.chance.uniform(0, 0.6))
            if self.chance.random() < 0.5:
                self.wait_for_an_open_cycle(node)
            return fault if fault and lasts else None
        finally:
            self.end_life(node, may_end=[code for f in (fault, lasting) if f for code in f.ends])

    def heal(self, node, fault):
        """The node goes on, or may have been on its way to its end."""
        fault.end(self.home, node)
        for service in SERVICES:
            self.wait_for_cycles_or_end(node, service)
        wait_until(lambda: fault.over(node) or not node.alive(), PATIENCE,
                   lambda: f"{fault.name} is not over\n{node.tail()}")

    def wait_for_an_open_cycle(self, node):
        """A commit may be short beside the time between two: where one is on its way soon, the kill may hit it."""
        until = time.monotonic() + 0.2
        while not node.open_cycles and time.monotonic() < until:
            time.sleep(0.0005)

    def wait_for_cycles_or_end(self, node, service):
        wanted = node.committed[service] + 1
        wait_until(lambda: node.committed[service] >= wanted or not node.alive(), PATIENCE,
                   lambda: f"{service} does not go on\n{node.tail()}")

    def end_life(self, node, may_end):
        if node.alive():
            self.inside += node.kill()
            self.seen["kills"] += 1
        else:
            node.join()
            self.seen[f"ended with {node.process.returncode}"] += 1
            if node.process.returncode not in may_end:
                raise Failure(f"{node.name} ended with {node.process.returncode} by itself\n{node.tail()}")
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
            while self.seen["kills"] < self.kills:
                lasting = self.live(self.lives.pop() if self.lives else None, lasting)
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
        if self.inside < self.kills // 20:  # few in a short campaign: a commit is short too
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


