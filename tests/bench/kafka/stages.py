"""Where the time of a process goes: its threads by the kernel's accounts, and its stages by a sampling profiler.

A thread works, or is ready and waits for a core, or waits for work; a machine is idle while no thread of anybody is ready.
A stage is found by the innermost function on a sampled stack that belongs to one. librdkafka's threads have no names
for their functions in most builds: one that mostly sends is the producer's, one that mostly receives the consumer's.
"""
import collections
import datetime
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE_SECONDS = 0.1


def cpu_of(pid):
    """User and system seconds."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def machine():
    """Seconds of all cores: idle ones, and all."""
    fields = list(map(int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]))
    return (fields[3] + fields[4]) / TICKS, sum(fields) / TICKS


class Threads:
    """Samples a process's threads from `with` to its end: idle is the machine's, shares() are the threads'."""

    def __init__(self, pid):
        self.pid = pid
        self.found = {}  # by thread: name, when it was first seen, seconds at work and ready
        self.over = threading.Event()
        self.sampler = threading.Thread(target=self.sample_on)

    def __enter__(self):
        self.began, self.before = time.monotonic(), machine()
        self.sampler.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.sampler.join()
        idle, total = (after - before for after, before in zip(machine(), self.before))
        self.idle = idle / total if total else 0
        self.seconds = time.monotonic() - self.began

    def sample_on(self):
        while not self.over.wait(SAMPLE_SECONDS):
            self.sample()

    def sample(self):
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            try:
                worked, ready, _ = map(int, (task / "schedstat").read_text().split())
                name = (task / "comm").read_text().strip()
            except (OSError, ValueError):
                continue  # it has ended
            first = self.found.get(task.name, (name, time.monotonic()))[1]
            self.found[task.name] = (name, first, worked / 1e9, ready / 1e9)

    def shares(self):
        """Percent of the time, of each thread that did anything: working, ready, waiting."""
        rows = []
        for name, _, worked, ready in self.found.values():
            if worked < 0.01 * self.seconds:
                continue
            work, wait = 100 * worked / self.seconds, 100 * ready / self.seconds
            rows.append((name, work, wait, max(0.0, 100 - work - wait)))
        return sorted(rows, key=lambda row: -row[1])


def show_threads(name, shares):
    print(f"\nthreads of {name}, % of the time{'':8}{'at work':>9}{'ready':>9}{'waiting':>9}")
    for thread, worked, ready, waited in shares:
        print(f"  {thread:38}{worked:9.0f}{ready:9.0f}{waited:9.0f}")


# Of our node, by what a function's name begins with; the innermost one on the stack decides, and the first line here.
MARKS = {
    "copy": r"eventy::kafka::detail::BatchBuilder::",
    "poll": r"eventy::kafka::detail::(Inputs::|Session::poll)|rd_kafka_consume",
    "produce": r"eventy::kafka::detail::(Committer::(add|add_early_now)|TransactionalProducer::(add|on_delivery)|Client::write)|rd_kafka_produce",
    "commit": r"eventy::kafka::detail::(Commits|Transaction|Session)::|rocksdb::|eventy::CommitCycles::",
    "translate": r"eventy::(Translator::|Placement::|InputContext::|json::detail::(Json)?(Document|Decoder|"
                 r"TapeReader)::)|simdjson::",
    "encode": r"eventy::(Outbox::|TurnRun::(begin|end)|KeyStates::end_slice|json::detail::(Json|ContextCache))",
    "handle": r"eventy::(PartitionEngine|RecordQueue|AttemptRun|TurnRun|KeyStates|SliceDraft|FailureHandling|DeferredTurns)::|"
              r"counter::",
    "messages": r"caf::|eventy::(actors|Bridge[A-Z][a-z]+)::",
}
MARKS = {stage: re.compile(pattern) for stage, pattern in MARKS.items()}
STAGES = ["poll", "copy", "translate", "handle", "encode", "produce", "commit", "messages", "other"]
SENDS, RECEIVES = re.compile(r"(__)?(libc_)?send(msg|to)?\b"), re.compile(r"(__)?(libc_)?recv(msg|from)?\b")
BEGINNING = 3  # functions at the outer end of a stack: of a thread's start
CYCLE = re.compile(r"^(\S+) trace cycle (begin|committed) \S+ (\d+)$", re.M)


class Profiler:
    """perf, attached to a process. Every sample is so much CPU time, whatever the process waits for."""
    FREQUENCY = 250
    ATTEMPTS, ATTACH_SECONDS = 10, 0.3

    def __init__(self, folder):
        self.file = folder / "perf.data"
        self.perf = self.log = None
        self.said = ""  # by perf, of what went wrong

    @staticmethod
    def missing():
        """Why it cannot be used here, or None."""
        if not shutil.which("perf"):
            return "perf is not installed"
        tried = subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-o", "/dev/null", "true"],
                               capture_output=True, text=True)
        return tried.stderr.strip().splitlines()[-1] if tried.returncode else None

    def attach(self, pid, log):
        """perf gives up where a thread ends while it looks at all of them, so it may take more than one attempt."""
        self.log = log
        for _ in range(self.ATTEMPTS):
            self.perf = subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", str(self.FREQUENCY),
                                          "--call-graph", "dwarf,16384", "-o", self.file, "-p", str(pid)],
                                         stderr=subprocess.PIPE, text=True)
            try:
                self.perf.wait(self.ATTACH_SECONDS)
            except subprocess.TimeoutExpired:
                return

    def detach(self):
        self.perf.send_signal(signal.SIGINT)
        self.said = self.perf.communicate()[1].strip()

    def stages(self):
        """CPU seconds by stage."""
        script = subprocess.run(["perf", "script", "-i", self.file, "--no-inline", "-F", "comm,tid,ip,sym,dso"],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace")
        samples = [parse(text) for text in script.stdout.split("\n\n") if text.strip()]
        roles = roles_of(samples)
        seconds = collections.Counter()
        for _, tid, functions in samples:
            seconds[stage_of(functions) or roles.get(tid) or "other"] += 1 / self.FREQUENCY
        return seconds

    def commits(self):
        """Milliseconds of each one, by the log of our node."""
        begun, took = {}, []
        for time_text, what, cycle in CYCLE.findall(self.log.read_text(errors="replace")):
            at = datetime.datetime.fromisoformat(time_text)
            if what == "begin":
                begun[cycle] = at
            elif cycle in begun:
                took.append((at - begun.pop(cycle)).total_seconds() * 1000)
        return took


def parse(text):
    """A sample's thread name and number, and its functions from the innermost outwards."""
    head, *frames = text.strip().split("\n")
    comm, tid = head.rsplit(None, 1)
    functions = [frame.split(None, 1)[1].replace("(anonymous namespace)::", "") for frame in frames]
    return comm.strip(), tid, functions


def stage_of(functions):
    for function in functions:
        for stage, mark in MARKS.items():
            if mark.match(function):
                return stage
    return None


def roles_of(samples):
    """Stages of librdkafka's own threads: it began them. Their names are not always known to perf."""
    sent, received = collections.Counter(), collections.Counter()
    for _, tid, functions in samples:
        if any("librdkafka" in function for function in functions[-BEGINNING:]):
            sent[tid] += any(SENDS.match(function) for function in functions)
            received[tid] += any(RECEIVES.match(function) for function in functions)
    return {tid: "produce" if sent[tid] > received[tid] else "poll" for tid in sent | received}


def show_stages(name, profiler, records, run):
    """`run`: the figures of the run that was sampled."""
    seconds = profiler.stages()
    if not seconds:
        print(f"\nno profile of the stages: {profiler.said or 'perf took no samples'}")
        return
    print(f"\nstages of {name}, us CPU a record (a run of its own, {sum(seconds.values()):.1f} s of samples)")
    for stage in STAGES:
        if seconds[stage]:
            print(f"  {stage:38}{seconds[stage] * 1e6 / records:9.2f}")
    if seconds["other"] > sum(seconds.values()) / 5:
        print("  much is of no stage: the names in stages.py may have changed")
    idle = run["idle"] / 100 * os.cpu_count() * 1e6 / run["whole"]
    print(f"  {'wait: cores that nobody used meanwhile':38}{idle:9.2f}")


def show_commits(took, records, run):
    flying = sum(took) / (records / run["whole"]) / 10
    print(f"  {len(took)} commits, p50 {statistics.median(took):.0f} ms, longest {max(took):.0f} ms; one was on its way "
          f"in {flying:.0f} % of the time")
