#!/usr/bin/env python3
"""The counter workload on Kafka: ours against its peers, in turn on one broker. Called by tests/bench/run kafka.

Each run has topics, group and states of its own: the input is written before, the peer is started as its own process,
and its work is done when its group has committed all of the input. All outputs are then read and checked by a program
of Kafka's Java client. Figures are medians; whole = from the start of the process until all is committed, steady = from
the first to the last output by the broker's clock, CPU = user and system time of the process, its start and end
included, MB = its largest resident size. Exit code 1: a peer failed or wrote wrong outputs; 3: a goal
was missed, or has no figure.
"""
import argparse
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import time

import kafka_peers

root = pathlib.Path(__file__).resolve().parents[2]
tool = root / "build/release/tests/bin/bench_kafka"
broker = root / "config/kafka/broker"
START_SECONDS, STOP_SECONDS = 120, 60
WARM_RUNS = 3  # of the broker; not counted
SLOWEST = 2000  # records/s of a peer that is still waited for
LATENCY = {"rate": 200, "warm": 10, "seconds": 20}


class Broken(Exception):
    """A peer that ended early, was too slow or wrote wrong outputs: no figures."""


def run_tool(*arguments):
    done = subprocess.run([tool, *map(str, arguments)], check=True, capture_output=True, text=True)
    return done.stdout.split()


def cpu_of(stat):
    fields = stat.rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_of_process(pid):
    return cpu_of(pathlib.Path(f"/proc/{pid}/stat").read_text())


def ended(pid):
    """Whether it is a process that nobody has waited for yet."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


def cpu_of_threads(pid):
    """Seconds by name; threads that ended are missing."""
    threads = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            stat = (task / "stat").read_text()
        except OSError:
            continue
        name = stat[stat.index("(") + 1:stat.rindex(")")]
        threads[name] = threads.get(name, 0) + cpu_of(stat)
    return threads


class Bench:
    def __init__(self, options):
        self.options = options
        self.folder = root / "build/bench/run"
        self.bootstrap = ""
        self.number = 0
        self.bytes = 0

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        started = subprocess.run([broker, "start", "--fresh", "--port", str(self.options.port), "--folder",
                                  self.folder / "broker"], check=True, stdout=subprocess.PIPE, text=True)
        self.bootstrap = started.stdout.split()[-1]
        self.broker_pid = int((self.folder / "broker/broker-0.pid").read_text())
        return self

    def __exit__(self, *_):
        subprocess.run([broker, "stop", "--folder", self.folder / "broker"], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def place(self, peer, records):
        """Topics of their own, filled with so many records."""
        self.number += 1
        place = kafka_peers.Place(root, self.folder, self.bootstrap, f"r{self.number}-")
        run_tool("create", self.bootstrap, place.input, place.output, *place.topics_of(peer))
        if records:
            self.bytes = int(run_tool("fill", self.bootstrap, place.input, records)[0])
        os.sync()
        return place

    def start(self, peer, place):
        log = open(self.folder / f"{place.prefix}{peer.name}.log", "wb")
        return subprocess.Popen(list(map(str, peer.command(place))), stdout=log, stderr=log, env=peer.environment())

    def stop(self, process):
        """Its CPU seconds and largest size in MB."""
        os.kill(process.pid, signal.SIGTERM)  # send_signal() would take the status of one that has ended
        deadline = time.monotonic() + STOP_SECONDS
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
            if time.monotonic() > deadline:
                process.kill()
                deadline += STOP_SECONDS
            time.sleep(0.01)

    def fail(self, peer, place, what):
        log = (self.folder / f"{place.prefix}{peer.name}.log").read_text(errors="replace")
        raise Broken(f"{peer.name}: {what}\n{log[-2000:]}")

    def throughput(self, peer):
        records = peer.records(self.options.records)
        place = self.place(peer, records)
        seconds = START_SECONDS + records // min(SLOWEST, peer.slowest)
        waiter = subprocess.Popen([tool, "wait", self.bootstrap, peer.group(place), place.input, str(seconds)])
        broker_cpu = cpu_of_process(self.broker_pid)
        start = time.monotonic()
        process = self.start(peer, place)
        while waiter.poll() is None and not ended(process.pid):
            time.sleep(0.005)
        whole = time.monotonic() - start
        broker_cpu = cpu_of_process(self.broker_pid) - broker_cpu
        threads = cpu_of_threads(process.pid)
        done = waiter.poll() == 0
        waiter.kill()
        waiter.wait()
        cpu, megabytes = self.stop(process)
        if not done:
            self.fail(peer, place, "did not commit all of its input")
        checked = subprocess.run(kafka_peers.check_command(place), capture_output=True, text=True)
        if checked.returncode:
            self.fail(peer, place, checked.stderr)
        outputs, first, last = map(int, checked.stdout.split())
        run_tool("drop", self.bootstrap, place.input, place.output, *place.topics_of(peer))
        return {"whole": records / whole, "steady": outputs * 1000 / max(last - first, 1), "cpu": cpu * 1e6 / records,
                "mb": megabytes, "broker": broker_cpu * 1e6 / records,
                "threads": {name: s * 1e6 / records for name, s in threads.items()}}

    def latency(self, peer):
        place = self.place(peer, 0)
        process = self.start(peer, place)
        try:
            p50, p99, most, count = map(float, run_tool("latency", self.bootstrap, place.input, place.output,
                                                        LATENCY["warm"], LATENCY["seconds"], LATENCY["rate"]))
        except subprocess.CalledProcessError as error:
            self.stop(process)
            self.fail(peer, place, error.stderr)
        cpu, megabytes = self.stop(process)
        return {"p50": p50, "p99": p99, "most": most, "count": count, "cpu": cpu, "mb": megabytes}


def in_turn(what, measure, peers, runs):
    """Figures of each peer's runs, in rounds; a peer that failed takes no further part."""
    results, broken = {}, []
    for number in range(runs):
        for peer in peers:
            if peer.name in broken:
                continue
            try:
                figures = measure(peer)
            except Broken as error:
                broken.append(peer.name)
                print(f"FAILED {what}: {error}", flush=True)
                continue
            results.setdefault(peer.name, []).append(figures)
            shown = "  ".join(f"{name} {value:.4g}" for name, value in figures.items() if name != "threads")
            print(f"  {what} {number + 1}, {peer.name}: {shown}", flush=True)
    return {name: medians(runs) for name, runs in results.items() if name not in broken}, bool(broken)


def medians(runs):
    """Of each figure by itself; threads of the run in the middle by CPU."""
    result = {name: statistics.median(run[name] for run in runs) for name in runs[0] if name != "threads"}
    if "threads" in runs[0]:
        result["threads"] = sorted(runs, key=lambda run: run["cpu"])[len(runs) // 2]["threads"]
    return result


def show_throughput(results):
    print(f"{'':22}{'steady':>10}{'whole':>10}  {'CPU':>8}{'broker':>8}{'':6}{'':>6}")
    print(f"{'':22}{'records/s':>10}{'records/s':>10}  {'us/rec':>8}{'us/rec':>8}{'MB':>6}")
    for name, r in results.items():
        print(f"{name:22}{r['steady']:10,.0f}{r['whole']:10,.0f}  {r['cpu']:8.2f}{r['broker']:8.2f}{r['mb']:6.0f}")
    for name, r in results.items():
        busy = sorted(r["threads"].items(), key=lambda t: -t[1])
        print(f"  threads of {name}, us CPU a record: " + ", ".join(f"{t} {s:.2f}" for t, s in busy if s >= 0.03))


def show_latency(results):
    print(f"\nlatency at {LATENCY['rate']} records/s, ms{'p50':>9}{'p99':>9}{'max':>9}")
    for name, r in results.items():
        print(f"  {name:30}{r['p50']:9.1f}{r['p99']:9.1f}{r['most']:9.1f}")


def judge(goals, results):
    """Prints a line for each goal; True if all of them are reached."""
    good = True
    for goal in goals:
        value = goal.value(results)
        if value is None:
            print(f"goal {goal.text}: no figure")
            good = False
            continue
        reached = value >= goal.limit if goal.at_least else value <= goal.limit
        good = good and reached
        print(f"goal {goal.text}: {value:.2f}: {'reached' if reached else 'MISSED'}")
    return good


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run kafka", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--port", type=int, default=19292, help="of the broker, and the three after it")
    parser.add_argument("--only", choices=("throughput", "latency"))
    parser.add_argument("--peers", help="some, comma separated, of: "
                        + " ".join(p.name for p in kafka_peers.THROUGHPUT + kafka_peers.LATENCY))
    options = parser.parse_args()
    chosen = options.peers.split(",") if options.peers else None

    def some(peers):
        return [p for p in peers if chosen is None or p.name in chosen]

    broken, results = False, {}
    with Bench(options) as bench:
        if options.only != "latency":  # a broker that has just been started is half as fast
            for _ in range(WARM_RUNS):
                bench.throughput(kafka_peers.WARMER)
        if options.only != "latency":
            found, failed = in_turn("run", bench.throughput, some(kafka_peers.THROUGHPUT), options.runs)
            broken = broken or failed
            results.update(found)
            print(f"\ncounter, up to {options.records:,} records of {bench.bytes} bytes, 8 partitions, 10,000 keys, "
                  f"medians of {options.runs} in turn, broker on the same machine; outputs checked")
            show_throughput(found)
        if options.only != "throughput":
            found, failed = in_turn("latency", bench.latency, some(kafka_peers.LATENCY), 1)
            broken = broken or failed
            results.update(found)
            show_latency(found)
    print()
    reached = judge(kafka_peers.goals(options.only), results)
    return 1 if broken else 0 if reached else 3


if __name__ == "__main__":
    sys.exit(main())
