"""Killed with -9 under load and started again at once, on the same node with the same folder.

own start = from the start of the first process to its first committed output, again = from the kill to the first
committed output of the second one; both by a reader of committed records that reads all the time. An output belongs to
the second process if the broker got it after the kill.
"""
import select
import subprocess
import time

from cluster import Broken, run_tool, start_tool
from figures import at_most

RATE = 20_000  # records/s
LOAD_SECONDS = 10  # before the kill
START_SECONDS = 120


def now_ms():
    return time.time_ns() // 1_000_000


class Restart:
    def __init__(self, bench):
        self.bench = bench

    def measure(self, peer):
        bench = self.bench
        place = bench.place(peer)
        load = start_tool("load", bench.bootstrap, place.input, RATE, stdout=subprocess.PIPE)
        watcher = start_tool("first", bench.bootstrap, place.output, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            if not watcher.stdout.readline():
                raise Broken(f"{peer.name}: its outputs cannot be watched")
            result = self.kill_and_start_again(peer, place, load, watcher)
        finally:
            for process in (load, watcher):
                process.kill()
                process.wait()
        result["log"] = float(run_tool("consume", bench.bootstrap, peer.changelog(place))[1])
        bench.leave(peer, place)
        return result

    def start(self, peer, place, watcher, since):
        """The process, and the ms from `since` to its first committed output."""
        process = self.bench.start(peer, place)
        watcher.stdin.write(f"{since}\n")
        watcher.stdin.flush()
        if not select.select([watcher.stdout], [], [], START_SECONDS)[0]:
            self.bench.fail(peer, place, process, f"no output within {START_SECONDS} s")
        return process, int(watcher.stdout.readline()) - since

    def kill_and_start_again(self, peer, place, load, watcher):
        bench = self.bench
        process, own_start = self.start(peer, place, watcher, now_ms())
        time.sleep(LOAD_SECONDS)
        process.kill()
        process.wait()
        place.log.unlink()
        process, again = self.start(peer, place, watcher, now_ms())
        load.terminate()
        written = int(load.stdout.readline())
        bench.wait(peer, place, process, START_SECONDS)
        found = peer.restored(place.log.read_text(errors="replace"))
        if not found:
            bench.fail(peer, place, process, "its log tells of no restore")
        bench.stop(process)
        outputs = bench.check(peer, place)[0]
        if outputs != written:
            raise Broken(f"{peer.name}: {outputs} outputs of {written} records")
        return {"own start": own_start, "again": again, "replayed": found.replayed}


def show(results, runs):
    print(f"\nkilled under {RATE:,} records/s, ms, medians of {runs} in turn; outputs checked")
    print(f"{'':12}{'own start':>11}{'again':>9}{'replayed':>12}{'of the log':>12}")
    for name, r in results.items():
        print(f"{name:12}{r['own start']:11,.0f}{r['again']:9,.0f}{r['replayed']:12,.0f}{r['log']:12,.0f}")


def goals():
    return [
        at_most(3000, "running again, ms beyond its own start",
                lambda results: results["ours"]["again"] - results["ours"]["own start"]),
        at_most(0.1, "replayed, of the changelog's records",
                lambda results: results["ours"]["replayed"] / results["ours"]["log"]),
    ]
