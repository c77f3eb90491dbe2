"""The peers of tests/bench/run kafka: how each is started, and where it works."""
import dataclasses
import datetime
import pathlib
import re
import sys
import typing

root = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(root / "tests/interop"))
import environment  # noqa: E402

JVM = ["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC"]  # of every peer on Java; off-heap memory comes on top


@dataclasses.dataclass
class Place:
    """Where one run takes place: names that no other run uses."""
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
    def data(self):
        """The folder for whatever a peer keeps on disk."""
        return self.folder / (self.prefix + "data")

    @property
    def log(self):
        return self.folder / (self.prefix + "log")


@dataclasses.dataclass
class Restored:
    """What a log says of a restore; times in ms since 1970."""
    start: float
    running: float
    replayed: int  # records


@dataclasses.dataclass
class Peer:
    name: str
    command: typing.Callable  # of a place
    group: typing.Callable = lambda at: at.prefix + "peer"
    changelog: typing.Callable = lambda at: at.prefix + "peer-changelog"
    makes_changelog: bool = True  # itself
    restored: typing.Callable = None  # of the log's text: the last restore in it, None while it is under way
    slowest: int = 2000  # records/s; a run that is slower has failed
    most: int = 1_000_000_000  # records that it is given
    prepare: typing.Callable = lambda: None  # before anything is measured

    def records(self, wanted):
        return min(wanted, self.most)


# --- ours ---

NODE_TIME = r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}) debug "
ASSIGNED = re.compile(NODE_TIME + r"service counter: (\d+) partitions are assigned", re.M)
RESTORED = re.compile(NODE_TIME + r"service counter: partition \d+ is restored, (\d+) records", re.M)


def restored_of_node(log):
    """From the last assignment to the last of its partitions."""
    def milliseconds(text):
        return datetime.datetime.fromisoformat(text).timestamp() * 1000

    assigned = [m for m in ASSIGNED.finditer(log)][-1:]
    parts = [m for m in RESTORED.finditer(log) if assigned and m.start() > assigned[0].start()]
    if not parts or len(parts) < int(assigned[0][2]):
        return None
    return Restored(milliseconds(assigned[0][1]), milliseconds(parts[-1][1]), sum(int(m[2]) for m in parts))


OURS_SETTINGS = {}  # beside those of the peer: --set


def ours(name, interval_ms=100, variant=None, log="error"):
    program = root / "build/release" / ("tests/bin/bench_variants" if variant else "bin/counter")
    chosen = ["--as", variant] if variant else []

    def command(at):
        settings = {"kafka.bootstrap": at.bootstrap, "kafka.prefix": at.prefix, "store.path": at.data, "log.level": log,
                    "engine.commit_interval_ms": interval_ms, **OURS_SETTINGS}
        return [program, "run", *chosen, "--config", root / "config/kafka.toml",
                *[word for key, value in settings.items() for word in ("--set", f"{key}={value}")]]
    return Peer(name, command, group=lambda at: at.prefix + "counter",
                changelog=lambda at: at.prefix + "counter-changelog", restored=restored_of_node)


# --- by hand ---

def raw(name, guarantee, pairs, interval_ms=100):
    def command(at):
        return [root / "build/release/tests/bin/bench_raw_loop", at.bootstrap, at.input, at.output,
                at.prefix + "peer-changelog", at.prefix + "peer", guarantee, pairs, interval_ms]
    return Peer(name, command, makes_changelog=False)


# --- on Java ---

def java(project, *arguments, heap=JVM, options=()):
    libraries = root / "build/bench" / project
    return ["java", *heap, *options, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
            "-cp", f"{libraries}/classes:{libraries}/libs/*", *arguments]


def check_command(at):
    return list(map(str, java("streams", "Check", at.bootstrap, at.input, at.output)))


RESTORING = re.compile(r"^restore began (\d+)$", re.M)
RUNNING = re.compile(r"^running (\d+) replayed (\d+)$", re.M)


def restored_of_streams(log):
    began = RESTORING.search(log)
    running = RUNNING.search(log, began.end()) if began else None
    return Restored(int(began[1]), int(running[1]), int(running[2])) if running else None


def streams(name, guarantee="exactly_once_v2", interval_ms=100, threads=2, value_bytes=8, **consumer):
    def command(at):
        return java("streams", "Streams", at.bootstrap, at.input, at.output, at.prefix + "peer", guarantee, interval_ms,
                    threads, at.data, value_bytes, *[f"{key.replace('_', '.')}={v}" for key, v in consumer.items()])
    return Peer(name, command, changelog=lambda at: at.prefix + "peer-counts-changelog", restored=restored_of_streams)


def flink(name, checkpoint_ms=1000, parallelism=2):
    # Its network buffers and its memory for checkpoints are on and off the heap, so it gets more of it than the others.
    def command(at):
        return java("flink", "Flink", at.bootstrap, at.input, at.output, at.prefix + "peer", checkpoint_ms, parallelism,
                    at.data, heap=["-Xms256m", "-Xmx1g", "-XX:+UseSerialGC"],
                    options=["--add-opens=java.base/java.util=ALL-UNNAMED"])
    return Peer(name, command)


# --- the Python implementation ---

def python(name, batch, most, slowest):
    def interpreter():
        return environment.make((environment.build / "tests/interop/environment").resolve())

    def command(at):
        return [interpreter(), root / "tests/bench/peers/python/counter.py", at.bootstrap, at.input, at.output,
                at.prefix + "peer", batch]
    return Peer(name, command, most=most, slowest=slowest, prepare=interpreter)


WARMER = raw("warm-up", "exactly", 2)  # of the broker; not counted
TRACED = ours("ours-traced", log="trace")  # for the profile
THROUGHPUT = [
    ours("ours"),
    raw("raw-1", "exactly", 1),
    raw("raw-2", "exactly", 2),
    streams("streams"),
    streams("streams-10ms", interval_ms=10),
    flink("flink"),
    ours("ours-at-least", variant="at-least-once"),
    raw("raw-1-at-least", "atleast", 1),
    raw("raw-2-at-least", "atleast", 2),
    streams("streams-at-least", "at_least_once"),
    streams("streams-at-least-10ms", "at_least_once", interval_ms=10),
    python("python-1", batch=1, most=400, slowest=10),
    python("python-1000", batch=1000, most=4000, slowest=40),
]
LATENCY = [
    ours("ours-10ms", 10),
    streams("streams-10ms", interval_ms=10),
    ours("ours-5ms", 5),
    streams("streams-5ms", interval_ms=5),
]
RESTORE = [
    ours("ours", variant="padded", log="debug"),
    streams("streams", value_bytes=100, session_timeout_ms=6000),  # or it waits long for the one that was stopped
]
RESTART = [
    ours("ours", log="debug"),
    streams("streams"),
    streams("streams-6s", session_timeout_ms=6000, heartbeat_interval_ms=1500),
]
MODES = {"throughput": THROUGHPUT, "latency": LATENCY, "restore": RESTORE, "restart": RESTART}
