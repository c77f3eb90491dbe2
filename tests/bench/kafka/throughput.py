"""How fast the counter workload goes: records that are there already, until all of them are committed.

whole = from the start of the process until all is committed, steady = from the first to the last output by the broker's
clock, CPU = user and system time of the process, its start and end included, MB = its largest resident size.
"""
import time

import stages
from figures import DETAILS, at_least, at_most, figure, ratio

START_SECONDS = 120

class Throughput:
    def __init__(self, bench, records):
        self.bench = bench
        self.wanted = records

    def measure(self, peer, profiler=None):
        bench, records = self.bench, peer.records(self.wanted)
        place = bench.place(peer, records)
        broker_cpu = stages.cpu_of(bench.broker_pid)
        start = time.monotonic()
        process = bench.start(peer, place)
        with stages.Threads(process.pid) as threads:
            if profiler:
                profiler.attach(process.pid, place.log)
            bench.wait(peer, place, process, START_SECONDS + records // peer.slowest)
        whole = time.monotonic() - start
        broker_cpu = stages.cpu_of(bench.broker_pid) - broker_cpu
        if profiler:
            profiler.detach()
        cpu, megabytes = bench.stop(process)
        outputs, first, last = bench.check(peer, place)
        bench.leave(peer, place)
        return {"steady": outputs * 1000 / max(last - first, 1), "whole": records / whole, "cpu": cpu * 1e6 / records,
                "mb": megabytes, "broker": broker_cpu * 1e6 / records, "idle": 100 * threads.idle,
                DETAILS: threads.shares()}


def show(results, records, size, runs):
    print(f"\ncounter, up to {records:,} records of {size} bytes, 8 partitions, 10,000 keys, medians of {runs} in turn, "
          "broker on the same machine; outputs checked")
    print(f"{'':22}{'steady':>10}{'whole':>10}{'CPU':>8}{'broker':>8}{'peak':>7}{'idle':>6}{'x ours':>8}")
    print(f"{'':22}{'records/s':>10}{'records/s':>10}{'us/rec':>8}{'us/rec':>8}{'MB':>7}{'%':>6}{'steady':>8}")
    for name, r in results.items():
        own = results.get("ours-at-least" if "at-least" in name else "ours")
        times = f"{r['steady'] / own['steady']:8.2g}" if own else ""
        print(f"{name:22}{r['steady']:10,.0f}{r['whole']:10,.0f}{r['cpu']:8.2f}{r['broker']:8.2f}{r['mb']:7.0f}"
              f"{r['idle']:6.0f}{times}")


def goals(records):
    of = f"{records:,} records, "
    return [
        at_least(4, of + "exactly once, x Kafka Streams", ratio("ours", "streams", "steady")),
        at_least(2, of + "exactly once, x Flink", ratio("ours", "flink", "steady")),
        at_least(0.9, of + "exactly once, x raw loop of two pairs", ratio("ours", "raw-2", "steady")),
        at_most(4.5, of + "exactly once, us CPU a record", figure("ours", "cpu")),
        at_most(400, of + "exactly once, MB", figure("ours", "mb")),
        at_least(5, of + "at least once, x Kafka Streams", ratio("ours-at-least", "streams-at-least", "steady")),
    ]
