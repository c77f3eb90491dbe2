"""A million states read back from the changelog by a node that has lost its own copies.

Each peer writes its states itself, from a record for each key; it is stopped, its folder removed, and it is started
again: from the start of the restore to running, by its log. The bare consumption of the same changelog by librdkafka
follows each time. In the end a tenth of the keys gets a second record, and must go on counting from its state.
"""
import shutil
import time

from cluster import run_tool
from figures import at_most, ratio

START_SECONDS = 300
POLL_SECONDS = 0.05


class Restore:
    def __init__(self, bench, keys):
        self.bench = bench
        self.keys = keys
        self.places = {}

    def measure(self, peer):
        """The first time of each peer it writes its states."""
        if peer.name not in self.places:
            self.places[peer.name] = self.write(peer)
        bench, place = self.bench, self.places[peer.name]
        shutil.rmtree(place.data)
        place.log.unlink()
        process = bench.start(peer, place)
        found = self.running(peer, place, process)
        bench.stop(process)
        took, records, size = map(float, run_tool("consume", bench.bootstrap, peer.changelog(place)))
        return {"restore": found.running - found.start, "bare": took, "replayed": found.replayed, "log": records,
                "bytes": size / records}

    def write(self, peer):
        place = self.bench.place(peer, self.keys, self.keys)
        process = self.bench.start(peer, place)
        self.bench.wait(peer, place, process, START_SECONDS)
        self.bench.stop(process)
        return place

    def running(self, peer, place, process):
        deadline = time.monotonic() + START_SECONDS
        while not (found := peer.restored(place.log.read_text(errors="replace"))):
            if time.monotonic() > deadline or process.poll() is not None:
                self.bench.fail(peer, place, process, "was not restored")
            time.sleep(POLL_SECONDS)
        if found.replayed < self.keys:
            self.bench.fail(peer, place, process, f"restored {found.replayed} states of {self.keys}")
        return found

    def finish(self, peer):
        """Its states are those that it wrote, or its outputs are wrong now."""
        bench, place = self.bench, self.places[peer.name]
        bench.fill(place, self.keys // 10, self.keys)
        process = bench.start(peer, place)
        bench.wait(peer, place, process, START_SECONDS)
        bench.stop(process)
        outputs = bench.check(peer, place)[0]
        bench.leave(peer, place)
        return {"outputs": outputs}


def show(results, keys, runs):
    print(f"\n{keys:,} keys restored, ms, medians of {runs} in turn; states checked")
    print(f"{'':12}{'restore':>9}{'bare':>9}{'records':>12}{'bytes each':>12}")
    for name, r in results.items():
        print(f"{name:12}{r['restore']:9,.0f}{r['bare']:9,.0f}{r['replayed']:12,.0f}{r['bytes']:12.0f}")


def goals():
    return [
        at_most(1, "restore, by Kafka Streams'", ratio("ours", "streams", "restore")),
        at_most(1.5, "restore, by the bare consumption",
                lambda results: results["ours"]["restore"] / results["ours"]["bare"]),
    ]
