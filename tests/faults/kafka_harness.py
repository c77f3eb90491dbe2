"""What the fault tests of the store on Kafka share: a broker, nodes (kafka_node.cpp) that are killed, stopped or
end at a step of a commit, their input, and the judgement in the end (kafka_verify.py).

A test is a script that opens a Campaign; whatever is wrong is raised as Failure.
"""
import concurrent.futures
import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
here = pathlib.Path(__file__).resolve().parent
source = pathlib.Path(os.environ.get("EVENTY_SOURCE_DIR", here.parents[1]))
build = pathlib.Path(os.environ.get("EVENTY_BUILD_DIR", source / "build/release"))
sys.path[:0] = [str(here), str(source / "tests/support")]
import kafka_verify  # noqa: E402
from kafka_observer import Observer  # noqa: E402
from node_process import Failure, Process, say, wait_until  # noqa: E402, F401

PARTITIONS = 6
KEYS = 60
# Of a topic that takes records of any date.
ANY_DATE = "message.timestamp.after.max.ms=9223372036854775807"
# Of a node in these tests, where a test does not say otherwise.
SETTINGS = {
    "store.type": "kafka",
    "kafka.session_timeout_ms": 2000,
    "kafka.transaction_timeout_ms": 10000,
    "kafka.request_timeout_ms": 15000,
    "engine.commit_interval_ms": 20,
    "topics.partitions": PARTITIONS,
    "log.level": "trace",
}
PORTS = range(19300, 19400, 10)  # for brokers of their own; EVENTY_FAULT_PORTS names another first one


# ---- brokers


def shared_bootstrap():
    return os.environ.get("EVENTY_KAFKA", "127.0.0.1:19092")


def free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return True
    return False


class OwnBroker:
    """A broker that a test may stop, and ten ports that are its own; the broker uses the first five of them."""

    def __init__(self, advertise=False):
        first = int(os.environ.get("EVENTY_FAULT_PORTS", PORTS[0]))
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="kafka_faults."))
        self.advertise = advertise
        for self.port in range(first, first + len(PORTS) * 10, 10):
            # Scripts that run at the same time take different ones.
            self.lock = open(pathlib.Path(tempfile.gettempdir()) / f"kafka_faults-{self.port}.lock", "w")
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if all(free(self.port + i) for i in range(10)):
                    break
            self.lock.close()
        else:
            raise Failure("no ports are free for a broker")
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.proxy_port, self.proxied_port = self.port + 5, self.port + 4
        self.start()

    def command(self, *arguments):
        done = subprocess.run([source / "config/kafka/broker", *arguments, "--folder", self.folder / "kafka"],
                              capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"broker {arguments[0]}: {done.stdout}{done.stderr}")

    def start(self):
        more = ["--advertise", str(self.proxy_port)] if self.advertise else []
        self.command("start", "--port", str(self.port), *more)

    def stop(self):
        self.command("stop")

    def pid(self):
        return int((self.folder / "kafka/broker-0.pid").read_text())

    def signal(self, number):
        os.kill(self.pid(), number)

    def running(self, pid):
        """Whether that process still is the broker."""
        with contextlib.suppress(OSError):
            return "kafka.Kafka" in pathlib.Path(f"/proc/{pid}/cmdline").read_text()
        return False

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        with contextlib.suppress(OSError):
            self.signal(signal.SIGCONT)
        self.stop()
        self.lock.close()
        if kind is None:
            shutil.rmtree(self.folder)
        else:
            print(f"the broker's log is kept in {self.folder / 'kafka'}", file=sys.stderr, flush=True)


# ---- nodes


class SetDate:
    """What the programs that run in `environment` take for the date, as seconds away from the right one."""

    def __init__(self, folder):
        self.file = pathlib.Path(folder) / "offset"
        self.file.write_bytes(struct.pack("q", 0))
        self.environment = {"LD_PRELOAD": str(build / "tests/bin/libset_date.so"), "SET_DATE_BY": str(self.file)}

    def set(self, seconds):
        with open(self.file, "r+b") as file:  # in place, for the programs have it mapped
            file.write(struct.pack("q", seconds))


class Node(Process):
    """One process of kafka_node."""

    def __init__(self, campaign, name, services, step=None, nth=1, hold=False, then=None, environment=None, **settings):
        self.campaign = campaign
        self.release_file = campaign.folder / f"release-{len(campaign.nodes)}"
        wanted = {**SETTINGS, **campaign.settings, **{k.replace("__", "."): v for k, v in settings.items()}}
        if debug := os.environ.get("RDKAFKA_DEBUG"):
            wanted["kafka.librdkafka.debug"] = debug
        wanted.setdefault("store.path", campaign.folder / f"copies-{name}")
        wanted.update({"node.id": name, "kafka.bootstrap": campaign.bootstrap, "kafka.prefix": campaign.prefix})
        if step:
            wanted.update({"steps.at": step, "steps.nth": nth})
        if hold:
            wanted["steps.hold"] = self.release_file
        if then:
            wanted["steps.then"] = then
        command = [build / "tests/bin/kafka_node", "run", "--services", ",".join(services)]
        for key, value in wanted.items():
            command += ["--set", f"{key}={value}"]
        super().__init__(name, command, campaign.folder / f"{len(campaign.nodes):03}-{name}.log", environment)
        campaign.nodes.append(self)

    def wait_for_hold(self, seconds=30):
        self.wait_for(lambda: self.fired, seconds, "its step")

    def wait_for_step_kill(self, step, seconds=30):
        wait_until(lambda: not self.alive(), seconds, lambda: f"node {self.name}: no kill at {step}\n{self.tail()}")
        self.join()
        if self.process.returncode != -signal.SIGKILL or self.fired != step:
            raise Failure(f"node {self.name} ended with {self.process.returncode} instead of at {step}\n{self.tail()}")

    def release(self):
        self.release_file.touch()


# ---- a campaign


class Campaign:
    """A prefix of its own on a broker, its input, its nodes, and the judgement."""

    def __init__(self, name, bootstrap, observe=None, services=("exact",), partitions=PARTITIONS, keys=KEYS, **settings):
        self.name, self.bootstrap, self.services = name, bootstrap, list(services)
        self.partitions, self.keys, self.given = partitions, keys, 0
        self.settings = {k.replace("__", "."): v for k, v in settings.items()}
        self.settings["topics.partitions"] = partitions
        self.prefix = f"{name}-{os.getpid()}-{time.monotonic_ns() // 1000 % 10**9}-"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"kafka_faults.{name}."))
        self.nodes = []
        self.observer, self.own_observer = (observe, None) if observe else (Observer(bootstrap),) * 2
        self.source = self.prefix + "source-events"
        self.observer.ask("create", self.source, partitions)

    def __enter__(self):
        self.began = time.monotonic()
        return self

    def __exit__(self, kind, error, _):
        for node in self.nodes:
            if node.alive():
                node.process.kill()
                node.join()
        if self.own_observer and kind is None:
            self.own_observer.close()
        elif self.own_observer:
            self.own_observer.process.kill()
        if kind is None and "KEEP" not in os.environ:
            shutil.rmtree(self.folder)
        else:
            print(f"FAILED {self.name}: the nodes' logs are kept in {self.folder}", file=sys.stderr, flush=True)

    # input

    def feed(self, count, partitioner="crc32"):
        """By crc32, or by the default of Java's producer, murmur2."""
        partitions = self.partitions if partitioner == "crc32" else 0
        self.observer.ask("feed", self.source, partitions, self.keys, self.given, count, 0)
        self.given += self.observer.ask("end-feed", self.source)[0]["fed"]

    @contextlib.contextmanager
    def load(self, rate):
        """Input at a rate, for as long as the body runs."""
        self.observer.ask("feed", self.source, self.partitions, self.keys, self.given, 0, rate)
        try:
            yield
        except BaseException:
            self.observer.ask("drop-feed", self.source)  # without waiting: the broker may be away
            raise
        self.given += self.observer.ask("end-feed", self.source)[0]["fed"]

    def state_of_transaction(self, node, service="exact"):
        """What the coordinator says of a node's transaction."""
        wanted = f"{self.prefix}{service}/{node.name}/0"
        return {t["id"]: t["state"] for t in self.observer.ask("transactions", self.prefix)}.get(wanted)

    # nodes

    def node(self, name, services=None, **arguments):
        return Node(self, name, services or self.services, **arguments)

    def lag(self, service):
        """How many offsets of the input lie behind a service's positions."""
        ends = kafka_verify.ends_of(self.observer, self.source)
        at = kafka_verify.committed_of(self.observer, self.prefix + service, self.source)
        return sum(end.end - at.get(partition, 0) for partition, end in ends.items())

    def settle(self, seconds=60):
        """Until all input is read and committed."""
        for service in self.services:
            left = {}

            def done():
                left["now"] = self.lag(service)
                return left["now"] == 0
            told = lambda: f"{service}: {left['now']} records are not read\n" + "".join(  # noqa: E731
                f"  node {n.name}:\n{n.tail()}" for n in self.nodes if n.alive())
            wait_until(done, seconds, told)

    def finish(self, *nodes, seconds=60, judge_state=True):
        """All is read, the nodes drain, and what they left is judged."""
        self.settle(seconds)
        for node in nodes:
            node.signal(signal.SIGTERM)
        for node in nodes:
            node.wait_end(0)
        found, numbers = kafka_verify.judge(self.observer, self.prefix, self.services, judge_state)
        if numbers["inputs"] != self.given:
            found.append(f"{numbers['inputs']} inputs are there, {self.given} were acknowledged")
        if found:
            raise Failure("\n".join([f"{self.name}: {numbers}", *found]))
        say(f"passed {self.name}: {numbers['inputs']} inputs, outputs {numbers['outputs']}, repeats {numbers['repeats']} "
            f"({time.monotonic() - self.began:.1f} s)")
        return numbers


def together(*parts, at_once=4):
    """Runs these at the same time, each a campaign of its own, and fails afterwards if one did."""
    with concurrent.futures.ThreadPoolExecutor(at_once) as threads:
        running = [threads.submit(part) for part in parts]
    failures = [str(failure) for part in running if (failure := part.exception())]
    if failures:
        raise Failure("\n".join(failures))


def main(*tests):
    """Runs the tests of a script, or those named on its command line; all of them, and fails if one did."""
    wanted = sys.argv[1:]
    if unknown := set(wanted) - {t.__name__ for t in tests}:
        sys.exit(f"no test {', '.join(sorted(unknown))}; there are {', '.join(t.__name__ for t in tests)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends what the test has started
    failed = []
    for test in tests:
        if wanted and test.__name__ not in wanted:
            continue
        say(f"== {test.__name__}: {test.__doc__.strip().splitlines()[0]}")
        began = time.monotonic()
        try:
            test()
            say(f"== {test.__name__} passed in {time.monotonic() - began:.1f} s")
        except (Failure, RuntimeError, OSError, subprocess.TimeoutExpired) as failure:
            failed.append(test.__name__)
            say(f"== {test.__name__} FAILED after {time.monotonic() - began:.1f} s\n{failure}")
    sys.exit(1 if failed else 0)
