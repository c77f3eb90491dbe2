"""The peers of tests/bench/run kafka: how each is started, and the goals that their figures are judged by."""
import dataclasses
import os
import pathlib
import typing

JVM = ["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC"]  # of every peer on Java; off-heap memory comes on top


@dataclasses.dataclass
class Place:
    """Where one run takes place: names that no other run uses."""
    root: pathlib.Path
    folder: pathlib.Path
    bootstrap: str
    prefix: str

    @property
    def input(self):
        return self.prefix + "bench-events"

    @property
    def output(self):
        return self.prefix + "counter-events"

    @property
    def changelog(self):
        return self.prefix + "raw-changelog"

    def topics_of(self, peer):
        return [self.changelog] if peer.needs_changelog else []

    def program(self, name):
        return self.root / "build/release" / name


@dataclasses.dataclass
class Peer:
    name: str
    command: typing.Callable  # of a place
    group: typing.Callable = lambda place: place.prefix + "peer"
    needs_changelog: bool = False
    slowest: int = 1_000_000  # records/s that are waited for
    most: int = 1_000_000_000  # records that it is given
    variables: dict = dataclasses.field(default_factory=dict)

    def records(self, wanted):
        return min(wanted, self.most)

    def environment(self):
        return {**os.environ, **self.variables}


def ours(name, interval_ms=100, program="bin/counter"):
    return Peer(name, lambda at: [at.program(program), "run", "--config", at.root / "config/kafka.toml", "--set",
                                  f"kafka.bootstrap={at.bootstrap}", "--set", f"kafka.prefix={at.prefix}", "--set",
                                  "log.level=error", "--set", f"engine.commit_interval_ms={interval_ms}"],
                group=lambda at: at.prefix + "counter")


def raw(name, guarantee, pairs, interval_ms=100):
    return Peer(name, lambda at: [at.program("tests/bin/bench_raw_loop"), at.bootstrap, at.input, at.output,
                                  at.changelog, at.prefix + "peer", guarantee, pairs, interval_ms],
                needs_changelog=True)


def java(at, peer, *arguments):
    libraries = at.root / "build/bench" / peer
    return ["java", *JVM, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp",
            f"{libraries}/classes:{libraries}/libs/*", *arguments]


def streams(name, guarantee, interval_ms, threads=2):
    return Peer(name, lambda at: java(at, "streams", "Streams", at.bootstrap, at.input, at.output, at.prefix + "peer",
                                      guarantee, interval_ms, threads, at.folder / (at.prefix + "state")))


def check_command(at):
    return list(map(str, java(at, "streams", "Check", at.bootstrap, at.input, at.output)))


THROUGHPUT = [
    ours("ours"),
    raw("raw-1", "exactly", 1),
    raw("raw-2", "exactly", 2),
    streams("streams", "exactly_once_v2", 100),
    streams("streams-10ms", "exactly_once_v2", 10),
    ours("ours-at-least", program="tests/bin/bench_at_least_once"),
    raw("raw-1-at-least", "atleast", 1),
    raw("raw-2-at-least", "atleast", 2),
    streams("streams-at-least", "at_least_once", 100),
]
WARMER = raw("warm-up", "exactly", 2)
LATENCY = [
    ours("ours-latency-10", 10),
    streams("streams-latency-10", "exactly_once_v2", 10),
    ours("ours-latency-5", 5),
    streams("streams-latency-5", "exactly_once_v2", 5),
]


@dataclasses.dataclass
class Goal:
    text: str
    limit: float
    at_least: bool
    value: typing.Callable  # of the results; None if a figure is missing


def ratio(peer, other, figure="steady"):
    def value(results):
        if peer not in results or other not in results:
            return None
        return results[peer][figure] / results[other][figure]
    return value


def figure(peer, name):
    return lambda results: results[peer][name] if peer in results else None


def goals(only):
    throughput = [
        Goal("exactly once, x Kafka Streams (at least 4)", 4, True, ratio("ours", "streams")),
        Goal("exactly once, x raw loop of two pairs (at least 0.9)", 0.9, True, ratio("ours", "raw-2")),
        Goal("exactly once, us CPU a record (at most 4.5)", 4.5, False, figure("ours", "cpu")),
        Goal("exactly once, MB (at most 400)", 400, False, figure("ours", "mb")),
        Goal("at least once, x Kafka Streams (at least 5)", 5, True, ratio("ours-at-least", "streams-at-least")),
    ]
    ten, five, peer = "ours-latency-10", "ours-latency-5", "streams-latency-10"
    latency = [
        Goal("latency at 10 ms, p50 by Kafka Streams' (at most 1)", 1, False, ratio(ten, peer, "p50")),
        Goal("latency at 10 ms, p99 by Kafka Streams' (at most 1)", 1, False, ratio(ten, peer, "p99")),
        Goal("latency at 5 ms, p99 in ms (below 20)", 20, False, figure(five, "p99")),
    ]
    return {"throughput": throughput, "latency": latency, None: throughput + latency}[only]
