#!/usr/bin/env python3
# ctest: KAFKA TIMEOUT 400
"""Our services and an application of the Python package eventy exchange events, requests and responses over a broker.

    tests/interop/interop_kafka_test.py     with EVENTY_KAFKA=HOST:PORT of a broker (config/kafka/broker start)

README.md in this folder says what is said; judge.py what must be true of it.
"""
import environment

environment.enter()  # what follows is found only there

import os
import pathlib
import signal
import sys
import tempfile
import time
import zlib

import confluent_kafka
from eventy.record import Event
from eventy.serialization.json import JsonSerializer

import judge
import samples
from observer import Observer
from processes import Node, Peer

BOOTSTRAP = os.environ.get("EVENTY_KAFKA", "127.0.0.1:19092")
PREFIX = f"interop-{os.getpid()}-{int(time.time())}-"
PARTITIONS = 7  # not a power of two, so that more of the hash counts
KEYS = 1200
SEED = 20260102
WAIT_SECONDS = 60
CHUNKS, CHUNK_BYTES = 1500, 500
BURSTS = 5  # at most, until one is caught
ENOUGH = 10  # records of an open transaction
TOPICS = [f"{service}-{kind}" for service in ("peer", "interop", "keeper")
          for kind in ("events", "requests", "responses")] + [
              "interop-dead-letters", "keeper-dead-letters", "keeper-returns"]
# One record for each request to the broker: a cycle of many records stays open for a second.
SLOW = 'kafka.librdkafka={"batch.num.messages" = 1, "max.in.flight.requests.per.connection" = 1}'


class Stuck(Exception):
    """What should have happened did not; what did is judged all the same."""


class Stage:
    """Both sides, and who watches them."""

    def __init__(self, folder):
        self.folder = folder
        self.observer = Observer(BOOTSTRAP, PREFIX, "read_committed")
        self.everything = Observer(BOOTSTRAP, PREFIX, "read_uncommitted")
        self.node = self.start_node()
        self.until(lambda: set(TOPICS) <= set(self.observer.partitions()), "our node has made the topics")
        self.observer.observe(TOPICS)
        self.everything.observe(TOPICS)
        self.peer = Peer(BOOTSTRAP, PREFIX, folder / "peer.log")

    def start_node(self, *settings):
        return Node(BOOTSTRAP, PREFIX, PARTITIONS, self.folder / "node.log", *settings)

    def until(self, condition, what):
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            for side in [self.node] + ([self.peer] if hasattr(self, "peer") else []):
                if side.ended():
                    raise Stuck(f"while waiting: {what}: {side.why()}")
            if time.monotonic() > deadline:
                raise Stuck(f"waited {WAIT_SECONDS} s in vain: {what}; {self.node.why()}")
            if self.observer.records:
                self.observer.poll(0.05)
            else:
                time.sleep(0.05)

    def state(self):
        counts = {}
        for records in self.observer.records.values():
            for record in records:
                counts[record.topic, record.name] = counts.get((record.topic, record.name), 0) + 1
        notes = {}
        for note in self.peer.notes:
            notes[note["name"]] = notes.get(note["name"], 0) + 1
        return f"on the broker: {counts}\nnoted by the peer: {notes}"

    def count(self, name, topic=None):
        return sum(record.name == name for at, records in self.observer.records.items() if topic in (None, at)
                   for record in records)

    def noted(self, name):
        return sum(note["name"] == name for note in self.peer.notes)


def conversation(stage):
    """Everything but the kill. Each wait is for what the last step causes; the judge looks at all of it later."""
    stage.peer.do("samples")
    offers = len(samples.SAMPLES) + 2
    inputs = len(samples.SAMPLES) * len(samples.CONTEXTS)
    stage.until(lambda: stage.count("Seen") >= 2 * inputs + 1 + offers, "our service has handled the samples")
    stage.until(lambda: stage.noted("Described") >= inputs + 1 and stage.noted("Judge") >= offers,
                "the peer has handled ours")
    stage.peer.do("keyless")
    stage.peer.do("strange")
    stage.peer.do("transactions")
    stage.peer.do("keys", count=KEYS, seed=SEED)
    homeless = sum(n % 50 == 7 for n in range(KEYS))
    events = KEYS + 20  # and those of the peer's committed transaction
    stage.until(lambda: stage.noted("Echoed") >= events + 2 and stage.noted("Found") >= KEYS,
                "the peer has got every echo and every answer")
    stage.until(lambda: stage.noted("Settled") >= events - homeless, "the peer's answers have reached their keys")


class Markers:
    """Records of a third writer in our topics, to see how far the peer reads."""

    def __init__(self):
        self.producer = confluent_kafka.Producer({"bootstrap.servers": BOOTSTRAP, "linger.ms": 0})

    def put(self, topic, namespace, name, data, partition):
        """Its uuid, when the broker has it."""
        record = Event(protocol_version="3.0.0", namespace=namespace, name=name, version="1.0.0", source=namespace,
                       data=data)
        self.producer.produce(PREFIX + topic, JsonSerializer().encode(record), partition=partition)
        if self.producer.flush(30):
            sys.exit("the broker does not take a marker")
        return record.uuid


def undecided(stage, topic, partition):
    """Records after what is committed."""
    return stage.everything.end(topic, partition) - stage.observer.end(topic, partition)


def open_chunks(stage, partition):
    return undecided(stage, "interop-events", partition)


def place_aside(stage):
    """A partition that our frozen node has no transaction open on: its services have one each."""
    for partition in range(PARTITIONS):
        if undecided(stage, "keeper-events", partition) == 0:
            return partition
    raise Stuck("every partition has an open transaction")


def frozen_mid_transaction(stage):
    """Stops our node while a transaction of a burst is open: how many bursts it took, and a partition that shows it."""
    partition = zlib.crc32(b"chunk-0") % PARTITIONS
    for burst in range(1, BURSTS + 1):
        stage.peer.do("burst", chunks=CHUNKS, bytes=CHUNK_BYTES)
        stage.until(lambda: open_chunks(stage, partition) > ENOUGH or stage.noted("Chunk") >= burst * CHUNKS,
                    "a transaction of ours is open or over")
        stage.node.signal(signal.SIGSTOP)
        if open_chunks(stage, partition) > ENOUGH:
            return burst, partition
        stage.node.signal(signal.SIGCONT)
        stage.until(lambda: stage.noted("Chunk") >= burst * CHUNKS, "the peer has got the burst")
    raise Stuck(f"{BURSTS} transactions were over before they were seen")


def kill(stage):
    """What our dead node had written and not committed never reaches the peer; what it does again does, once."""
    judge.same("SIGTERM ends our node well", stage.node.stop(), 0)
    stage.node = stage.start_node(SLOW)
    stage.peer.do("probe", n=-3)
    stage.until(lambda: any(r.data["n"] == -3 for r in stage.observer.named("Echoed")), "our node is back")
    markers = Markers()
    bursts, partition = frozen_mid_transaction(stage)
    behind = markers.put("interop-events", "urn:interop", "Echoed", {"n": -4}, partition)
    aside = markers.put("keeper-events", "urn:keeper", "Kept", {"n": -4, "count": 0}, place_aside(stage))

    def noted(uuid):
        return any(note["uuid"] == uuid for note in stage.peer.notes)

    stage.until(lambda: noted(aside), "the peer reads on beside the open transaction")
    judge.same("the peer sees nothing of an open transaction", stage.noted("Chunk"), (bursts - 1) * CHUNKS)
    judge.expect(not noted(behind), "the peer waits for what lies behind an open transaction")
    stage.node.kill()
    stage.node = stage.start_node()
    stage.until(lambda: noted(behind), "the dead node's transaction was ended")
    stage.until(lambda: stage.noted("Chunk") >= bursts * CHUNKS, "the burst was done again")
    return bursts * CHUNKS


def chunks_are_seen_once(stage, count):
    copies, committed = {}, {}
    for record in stage.everything.named("Chunk"):
        copies.setdefault(record.json["uuid"], []).append(record.place)
    for record in stage.observer.named("Chunk"):
        committed.setdefault(record.json["uuid"], []).append(record)
    aborted = sum(len(places) > 1 for places in copies.values())
    judge.expect(aborted > ENOUGH, "aborted outputs are in the log", aborted)
    judge.same("each output is committed", len(committed), count)
    judge.same("numbers of the outputs", {r[0].data["n"] for r in committed.values()}, set(range(CHUNKS)))
    notes = judge.by_uuid(note for note in stage.peer.notes if note["name"] == "Chunk")
    judge.same("the peer got each output", set(notes), set(committed))
    for uuid, records in committed.items():
        judge.same("an output is committed once", len(records), 1)
        judge.same("the peer got an output once", len(notes[uuid]), 1)
        judge.same("the committed copy is the last one", records[0].place, max(copies[uuid]))
    print(f"{aborted} outputs of {count} are in the log twice, once aborted")


def finish(stage):
    """Both sides end, and all that is in the topics is read."""
    judge.same("SIGTERM ends our node well", stage.node.stop(), 0)
    judge.same("the peer ends well", stage.peer.stop(), 0)
    for observer in (stage.observer, stage.everything):
        deadline = time.monotonic() + WAIT_SECONDS
        while observer.poll() or not observer.at_end():
            if time.monotonic() > deadline:
                sys.exit("the topics cannot be read to their ends")


def main(folder):
    began = time.monotonic()
    stage = Stage(folder)
    chunks = 0
    try:
        conversation(stage)
        chunks = kill(stage)
    except Stuck as stuck:
        judge.expect(False, "the conversation comes to its end", stuck)
    finish(stage)
    print(f"both sides have ended after {time.monotonic() - began:.1f} s\n{stage.state()}")
    keys = samples.odd_keys(KEYS, SEED)
    judge.ours_got_what_the_peer_wrote(stage.observer)
    judge.the_peer_got_what_we_wrote(stage.observer, stage.peer.notes)
    judge.both_spell_alike(stage.observer)
    judge.every_request_is_answered(stage.observer)
    judge.chains_of_ours_hold_together(stage.observer)
    judge.keys_lie_alike(stage.observer, PARTITIONS, keys)
    judge.states_and_answers_come_home(stage.observer, keys)
    judge.what_we_cannot_read_is_kept(stage.observer)
    judge.the_peers_aborts_are_not_seen(stage.observer, stage.everything)
    chunks_are_seen_once(stage, chunks)
    for what, details in judge.failures:
        print(f"FAILED {what}: {details}")
    print(f"{sum(judge.checked.values())} checks of {len(judge.checked)} kinds, {len(judge.failures)} kinds failed")
    return 1 if judge.failures else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="interop.") as temporary:
        code = main(pathlib.Path(temporary))
    sys.exit(code)
