"""From a record's way into a producer to the sight of its output by a reader of committed records, one clock."""
from cluster import Broken, run_tool
from figures import at_most, figure, ratio

RATE = 200  # records/s
WARM_SECONDS = 10


class Latency:
    def __init__(self, bench, seconds):
        self.bench = bench
        self.seconds = seconds

    def measure(self, peer):
        bench = self.bench
        place = bench.place(peer)
        process = bench.start(peer, place)
        try:
            p50, p99, most, count = map(float, run_tool("latency", bench.bootstrap, place.input, place.output,
                                                        WARM_SECONDS, self.seconds, RATE))
        except Broken as error:
            bench.fail(peer, place, process, error)
        bench.stop(process)
        bench.check(peer, place)
        bench.leave(peer, place)
        return {"p50": p50, "p99": p99, "most": most, "count": count}


def show(results, runs):
    print(f"\n{f'latency at {RATE} records/s in ms, medians of {runs} in turn':46}{'p50':>9}{'p99':>9}{'max':>9}")
    for name, r in results.items():
        print(f"  {name:44}{r['p50']:9.1f}{r['p99']:9.1f}{r['most']:9.1f}")


def goals():
    return [
        at_most(1, "commit interval 10 ms, p50 by Kafka Streams'", ratio("ours-10ms", "streams-10ms", "p50")),
        at_most(1, "commit interval 10 ms, p99 by Kafka Streams'", ratio("ours-10ms", "streams-10ms", "p99")),
        at_most(20, "commit interval 5 ms, p99 in ms", figure("ours-5ms", "p99")),
    ]
