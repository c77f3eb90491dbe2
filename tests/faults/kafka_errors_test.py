#!/usr/bin/env python3
# ctest: TIMEOUT 400 SERIAL
"""What goes wrong at the cluster, on a broker of the test's own: each a clear error, retried or final."""
import concurrent.futures
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from own_broker import Broker, Checks, binaries, counter, counts_are_exact, free_ports, on_kafka  # noqa: E402

PARTITIONS = 8
TOPICS = "org.apache.kafka.tools.TopicCommand"
BATCH_HEADER = 61  # bytes
GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
checks = Checks()


def feed(broker, prefix, records, keys=20):
    done = counter("feed", "--records", str(records), "--keys", str(keys), *on_kafka(broker.bootstrap, prefix))
    if done.returncode:
        sys.exit(done.stderr)


def timed(*arguments, **how):
    began = time.monotonic()
    try:
        done = counter(*arguments, **how)
    except subprocess.TimeoutExpired as e:
        text = [(b or b"").decode() for b in (e.stdout, e.stderr)]
        done = subprocess.CompletedProcess(arguments, "still running", *text)
    return done, time.monotonic() - began


def options(broker, prefix, **settings):
    """Each prefix has a folder of its own, so that nodes run at the same time."""
    return on_kafka(broker.bootstrap, prefix, store__path=copies(broker, prefix), **settings)


def copies(broker, prefix):
    return broker.folder.parent / f"copies-{prefix}"


def run(broker, prefix, *more, timeout=60, **settings):
    return timed("run", "--until-idle", *options(broker, prefix, **settings), *more, timeout=timeout)


def make_topic(broker, name, **config):
    broker.tool(TOPICS, "--create", "--topic", name, "--partitions", str(PARTITIONS),
                *[o for key, value in config.items() for o in ("--config", f"{key.replace('_', '.')}={value}")])


class Node:
    """A node that runs on; `end` gives its end."""

    def __init__(self, broker, prefix, **settings):
        self.began = time.monotonic()
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([binaries / "counter", "run", *options(broker, prefix, **settings)],
                                        stdout=subprocess.DEVNULL, stderr=self.log)

    def said(self):
        self.log.flush()
        return pathlib.Path(f"/proc/self/fd/{self.log.fileno()}").read_text()

    def end(self, seconds, stop=None):
        began = time.monotonic()
        if stop:
            self.process.send_signal(stop)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "still running"
        return subprocess.CompletedProcess([], code, "", self.said()), time.monotonic() - began


def nobody_answers():
    done, took = timed("run", "--until-idle", *on_kafka(f"127.0.0.1:{free_ports(1)}", kafka__request_timeout_ms=2000))
    checks.ended("no broker at the start", done, [1], "cannot list topics at 127.0.0.1:", "Connection refused",
                 seconds=6, took=took)
    done, took = timed("run", "--until-idle", *on_kafka("no.such.host.invalid:9092", kafka__request_timeout_ms=2000))
    checks.ended("no such host", done, [1], "cannot list topics at no.such.host.invalid:9092", "resolve", seconds=12,
                 took=took)


def wait_for_counts(broker, prefix, each, seconds=40):  # the longest backoff is 10 s
    deadline = time.monotonic() + seconds
    while not counts_are_exact(broker.consume(f"{prefix}counter-events", 3000), 20, each):
        if time.monotonic() > deadline:
            break


def the_broker_goes_away_and_comes_back(broker):
    feed(broker, "gone.", 200)
    node = Node(broker, "gone.", kafka__request_timeout_ms=3000, kafka__transaction_timeout_ms=3000)
    wait_for_counts(broker, "gone.", 10)
    broker.stop()
    time.sleep(8)
    broker.start()
    feed(broker, "gone.", 200)
    wait_for_counts(broker, "gone.", 20)
    done, took = node.end(40, signal.SIGTERM)
    checks.ended("a broker that comes back is found again", done, [0], took=took)
    checks.check("and its absence was told", "Connection refused" in done.stderr or "timed out" in done.stderr.lower(),
                 done.stderr[-1500:])
    checks.check("and nothing is lost or doubled", counts_are_exact(broker.consume("gone.counter-events"), 20, 20),
                 done.stderr[-1500:])


def damage_a_batch(broker, topic):
    """Flips a bit of the first batch of a topic's longest partition, while the broker is down: its number."""
    logs = broker.folder.glob(f"broker-0/{topic}-*/00000000000000000000.log")
    log = max(logs, key=lambda path: path.stat().st_size)
    broker.stop()
    data = bytearray(log.read_bytes())
    data[BATCH_HEADER + 20] ^= 1
    log.write_bytes(data)
    broker.start()
    return log.parent.name.rsplit("-", 1)[1]


def a_damaged_batch(broker):
    """librdkafka tells of it and goes on behind it: the node must not."""
    for records in (200, 200):
        feed(broker, "damaged.", records)
    partition = damage_a_batch(broker, "damaged.bench-events")
    done, took = run(broker, "damaged.")
    checks.ended("a damaged batch of the input", done, [70], f"partition {partition} at offset 0", "bench-events",
                 "is damaged in the broker's log", seconds=30, took=took)
    feed(broker, "log.", 200)
    run(broker, "log.")
    partition = damage_a_batch(broker, "log.counter-changelog")
    shutil.rmtree(copies(broker, "log."))
    done, took = run(broker, "log.")
    checks.ended("a damaged batch of a changelog", done, [70], f"partition {partition} at offset 0", "counter-changelog",
                 "is damaged in the broker's log", seconds=30, took=took)


def a_deleted_topic(broker, prefix, topic):
    feed(broker, prefix, 200)
    node = Node(broker, prefix, supervision__intensity=2, kafka__request_timeout_ms=5000)
    wait_for_counts(broker, prefix, 10)
    broker.tool(TOPICS, "--delete", "--topic", prefix + topic)
    if topic == "counter-events":
        feed(broker, prefix, 20)
    done, took = node.end(60)
    # A topic that nobody writes to is looked for each 30 s.
    checks.ended(f"{topic} is deleted while the node runs", done, [70], topic, "not exist", seconds=50, took=took)


def a_deleted_input(broker):
    a_deleted_topic(broker, "input.", "bench-events")


def a_deleted_output(broker):
    a_deleted_topic(broker, "output.", "counter-events")


def positions_that_are_gone(broker):
    feed(broker, "forgotten.", 200)
    run(broker, "forgotten.")
    broker.tool(GROUPS, "--delete-offsets", "--group", "forgotten.counter", "--topic", "forgotten.bench-events")
    done, took = run(broker, "forgotten.")
    checks.ended("positions that were committed and are gone", done, [70], "had a position in", "bench-events",
                 "expired or were deleted", seconds=15, took=took)
    checks.check("and nothing was handled twice", counts_are_exact(broker.consume("forgotten.counter-events"), 20, 10))


def expired_records(broker):
    feed(broker, "expired.", 200)
    run(broker, "expired.")
    feed(broker, "expired.", 200)
    ends = broker.tool("org.apache.kafka.tools.GetOffsetShell", "--topic", "expired.bench-events")
    places = [line.split(":") for line in ends.split()]
    deletion = {"version": 1, "partitions": [{"topic": topic, "partition": int(p), "offset": int(end)}
                                             for topic, p, end in places]}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(deletion, file)
        file.flush()
        broker.tool("org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", file.name)
    done, took = run(broker, "expired.")
    checks.ended("records expired before they were read", done, [70], "bench-events", "expired", seconds=15, took=took)


def topics_that_are_too_small(broker):
    make_topic(broker, "batches.counter-events", max_message_bytes=2000)
    feed(broker, "batches.", 4000)
    done, took = run(broker, "batches.")
    checks.ended("a topic that takes small batches gets small ones", done, [0], took=took)
    make_topic(broker, "large.counter-events", max_message_bytes=300)
    feed(broker, "large.", 100)
    done, took = run(broker, "large.")
    checks.ended("an output that is too large for its topic fails its turn alone", done, [0], took=took)
    letters = broker.consume("large.counter-dead-letters")
    checks.check("and its input is in the dead letters", len(letters) == 100, len(letters))


def topics_as_they_must_not_be(broker):
    make_topic(broker, "states.counter-changelog", cleanup_policy="delete")
    feed(broker, "states.", 20)
    done, took = run(broker, "states.")
    checks.ended("a changelog that is not compacted", done, [78], "states.counter-changelog", "cleanup.policy=delete",
                 "set it to compact", took=took)
    make_topic(broker, "short.counter-requests", retention_ms=3600000)
    make_topic(broker, "short.counter-responses", cleanup_policy="compact")
    feed(broker, "short.", 20)
    done, took = run(broker, "short.")
    checks.ended("records that are not kept for ever are no error", done, [0], took=took)
    for text in ("short.counter-requests has retention.ms=3600000", "short.counter-responses has cleanup.policy=compact"):
        checks.check(f"but a warning: {text}", any(" warning " in line and text in line
                                                   for line in done.stderr.splitlines()), done.stderr[-1500:])


def main():
    alone = (the_broker_goes_away_and_comes_back, a_damaged_batch)
    together = (a_deleted_input, a_deleted_output, expired_records, positions_that_are_gone, topics_that_are_too_small,
                topics_as_they_must_not_be)

    def wanted(parts):
        return [part for part in parts if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]]
    nobody_answers()
    with Broker() as broker:
        for part in wanted(alone):
            part(broker)
        with concurrent.futures.ThreadPoolExecutor(2) as threads:
            for running in [threads.submit(part, broker) for part in wanted(together)]:
                running.result()
    return checks.end()


sys.exit(main())
