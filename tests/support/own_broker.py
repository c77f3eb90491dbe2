"""A local Kafka of a test's own, with the Java tools on it, and the program `counter` as the node under test."""
import ctypes
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import zipfile

source = pathlib.Path(os.environ.get("EVENTY_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
binaries = pathlib.Path(os.environ.get("EVENTY_BIN_DIR", source / "build/release/bin"))
script = source / "config/kafka/broker"
FIRST_PORT, LAST_PORT = int(os.environ.get("EVENTY_FIRST_PORT", 21000)), 29000
copies = tempfile.TemporaryDirectory(prefix="copies.")  # of states, where a test says no place for them
SECRETS = ("eventy-secret", "nobody-secret", "a-wrong-secret")


def is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_ports(brokers):
    """The first port of as many as that many brokers take."""
    for port in range(FIRST_PORT + os.getpid() % 400 * 10, LAST_PORT, 40):
        if all(is_free(p) for p in range(port, port + 10 * brokers)):
            return port
    sys.exit("no free ports")


SCRAM_WORKS = 0x020601ff  # the librdkafka from which on Kafka 4 takes its SCRAM (its pull request 4895)
NEWER = "confluent-kafka==2.16.1"  # brings a newer librdkafka along


def linked_librdkafka():
    return ctypes.CDLL("librdkafka.so.1").rd_kafka_version()


def newer_librdkafka():
    """An environment in which the programs run on a newer librdkafka than the one they were linked with."""
    folder = pathlib.Path(os.environ.get("EVENTY_BUILD_DIR", source / "build/release")) / "tests/librdkafka"
    library = folder / "librdkafka.so.1"
    if not library.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, NEWER], check=True)
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            name = next(n for n in wheel.namelist() if "/librdkafka-" in n)
            library.write_bytes(wheel.read(name))
    return {**os.environ, "LD_LIBRARY_PATH": str(folder)}


class Broker:
    """Runs from `with` to its end. Its data is gone afterwards."""

    def __init__(self, *options, brokers=1):
        self.temporary = tempfile.TemporaryDirectory(prefix="own-broker.")
        self.folder = pathlib.Path(self.temporary.name) / "kafka"
        self.port = free_ports(brokers)
        self.options = [*options, "--brokers", str(brokers)]
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.tls = f"127.0.0.1:{self.port + 1}"
        self.sasl = f"127.0.0.1:{self.port + 2}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        self.temporary.cleanup()

    def call(self, command, *more, **how):
        return subprocess.run([script, command, *more, "--folder", self.folder], text=True, **how)

    def start(self):
        self.call("start", *self.options, "--port", str(self.port), check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        self.call("stop", check=True)

    def certificate(self, name):
        return self.folder / "tls" / name

    def tool(self, name, *arguments, check=True, **how):
        done = subprocess.run([script, "tool", name, "--bootstrap-server", self.bootstrap, *arguments], text=True,
                              capture_output=True, timeout=120, **how)
        if check and done.returncode:
            sys.exit(f"{name} {arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def consume(self, topic, quiet_ms=5000):
        """All committed records, as (partition, key, value), read by the Java client."""
        out = self.tool("org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", topic, "--from-beginning",
                        "--isolation-level", "read_committed", "--timeout-ms", str(quiet_ms),
                        "--formatter-property", "print.key=true", "--formatter-property", "print.partition=true",
                        check=False)
        rows = [line.split("\t", 2) for line in out.splitlines() if line.startswith("Partition:")]
        return [(int(partition.removeprefix("Partition:")), key, value) for partition, key, value in rows]


def counter(*arguments, timeout=120, **how):
    return subprocess.run([binaries / "counter", *arguments], text=True, capture_output=True, timeout=timeout, **how)


def resident_mb(pid):
    """The resident size of a process, in MB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def on_kafka(bootstrap, prefix="", **settings):
    """Options of `counter` for the store; SECTION__KEY=VALUE sets more."""
    values = {"store__type": "kafka", "store__path": copies.name, "kafka__bootstrap": bootstrap, "kafka__prefix": prefix,
              **settings}
    return [o for name, value in values.items()
            for o in ("--set", f"{name.replace('__', '.', 1)}={value}")]


def counts_are_exact(records, keys, each):
    """Every key was counted 1, 2, 3 … `each`, in this order."""
    seen = {}
    for _, key, value in records:
        seen.setdefault(key, []).append(json.loads(value)["data"]["count"])
    return len(seen) == keys and all(counts == list(range(1, each + 1)) for counts in seen.values())


class Checks:
    """Prints each check; `end` gives the exit code."""

    def __init__(self):
        self.failures = []

    def check(self, what, good, detail=""):
        print("ok    " if good else "FAILED", what, flush=True)
        if not good:
            self.failures.append(what)
            print(f"  {detail}", flush=True)

    def ended(self, what, done, codes, *texts, seconds=None, took=0.0):
        """A program's end: its code, and a last line on standard error that has all the texts, and no secret."""
        said = done.stdout + done.stderr
        last = ([""] + done.stderr.strip().splitlines())[-1]
        missing = [t for t in texts if t not in last]
        leaked = [s for s in SECRETS if s in said]
        slow = seconds is not None and took > seconds
        good = done.returncode in codes and not missing and not leaked and not slow
        self.check(what, good, f"exit code {done.returncode}, wanted {codes}; missing {missing}; secrets {leaked}; "
                               f"{took:.1f} s of {seconds}\n  {said[-2500:]}")
        if good:
            print(f"       {took:.1f} s: {last}", flush=True)

    def end(self):
        print(f"{len(self.failures)} failures")
        return 1 if self.failures else 0
