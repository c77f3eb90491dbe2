"""Ours on Kafka against its peers, in turn on one broker.

Without a mode: how fast the counter workload goes, for each number of records. Each run has topics, group and states of
its own, and every run's outputs are read and checked by a program of Kafka's Java client. Figures are medians.
Exit code 1: a peer failed or wrote wrong outputs; 3: a goal was missed, or has no figure.
"""
import argparse
import subprocess
import sys

import figures
import latency
import peers
import restart
import restore
import stages
import throughput
from cluster import Bench, Broken


# Of the broker before a mode, not counted: one that has just been started is half as fast, and has its own topics to make.
# After three it took 4.2 us CPU a record, after six 2.
WARM_RUNS = {"throughput": 6, "latency": 4, "restore": 1, "restart": 1}


def warm(bench, runs):
    for _ in range(runs):
        throughput.Throughput(bench, 1_000_000).measure(peers.WARMER)
    check_the_checker(bench)


def check_the_checker(bench):
    """It must miss the output of a record that came when the peer had ended."""
    place = bench.place(peers.WARMER, 1000)
    process = bench.start(peers.WARMER, place)
    bench.wait(peers.WARMER, place, process, throughput.START_SECONDS)
    bench.stop(process)
    bench.check(peers.WARMER, place)
    bench.fill(place, 1)
    try:
        bench.check(peers.WARMER, place)
    except Broken:
        return bench.leave(peers.WARMER, place)
    raise Broken("the checker of the outputs misses nothing where one is missing")


def profile(bench, records):
    """Of ours, in a run of its own."""
    missing = stages.Profiler.missing()
    if missing:
        print(f"\nno profile of the stages: {missing}")
        return
    profiler = stages.Profiler(bench.folder)
    run = throughput.Throughput(bench, records).measure(peers.TRACED, profiler)
    stages.show_stages("ours", profiler, records, run)
    stages.show_commits(profiler.commits(), records, run)


def run_throughput(bench, chosen, options):
    results, broken = {}, False
    for number, records in enumerate(options.records):
        taking_part = [p for p in chosen if number == 0 or p.most >= records]
        workload = throughput.Throughput(bench, records)
        found, failed = figures.in_turn(f"{records:,}", workload.measure, taking_part, options.runs)
        broken = broken or failed
        throughput.show(found, records, bench.bytes, options.runs)
        if "ours" in found:
            stages.show_threads("ours", found["ours"][figures.DETAILS])
            profile(bench, records)
        print()
        results[records] = figures.judge(throughput.goals(records), found)
    return broken, all(results.values())


def run_latency(bench, chosen, options):
    workload = latency.Latency(bench, options.seconds)
    found, broken = figures.in_turn("latency", workload.measure, chosen, options.runs)
    latency.show(found, options.runs)
    return broken, figures.judge(latency.goals(), found)


def run_restore(bench, chosen, options):
    workload = restore.Restore(bench, options.keys)
    found, broken = figures.in_turn("restore", workload.measure, chosen, options.runs)
    finished, failed = figures.in_turn("states of", workload.finish, [p for p in chosen if p.name in found], 1)
    restore.show({name: found[name] for name in finished}, options.keys, options.runs)
    return broken or failed, figures.judge(restore.goals(), found)


def run_restart(bench, chosen, options):
    workload = restart.Restart(bench)
    found, broken = figures.in_turn("restart", workload.measure, chosen, options.runs)
    restart.show(found, options.runs)
    return broken, figures.judge(restart.goals(), found)


RUN = {"throughput": run_throughput, "latency": run_latency, "restore": run_restore, "restart": run_restart}


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run kafka", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", nargs="*", type=int, default=[1_000_000, 3_000_000],
                        help="1000000 3000000")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--latency", dest="mode", action="store_const", const="latency",
                      help="at 200 records/s, from produced to visible")
    mode.add_argument("--restore", dest="mode", action="store_const", const="restore",
                      help="of states from the changelog")
    mode.add_argument("--restart", dest="mode", action="store_const", const="restart", help="after kill -9 under load")
    mode.add_argument("--long", type=float, nargs="?", const=10, metavar="MINUTES",
                      help="memory under a handler that is 100 times slower than its input")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=30, help="of a run, for --latency")
    parser.add_argument("--keys", type=int, default=1_000_000, help="for --restore")
    parser.add_argument("--port", type=int, default=19292, help="of the broker, and the three after it")
    parser.add_argument("--peers", type=lambda text: text.split(","), help="some of them, comma separated: "
                        + "; ".join(f"{name}: {' '.join(p.name for p in of)}" for name, of in peers.MODES.items()))
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE",
                        help="of our configuration, to try what it does")
    parser.set_defaults(mode="throughput")
    options = parser.parse_args()
    peers.OURS_SETTINGS.update(setting.split("=", 1) for setting in options.settings)
    unknown = set(options.peers or []) - {p.name for p in peers.MODES[options.mode]}
    if unknown:
        parser.error(f"--{options.mode} has no peer {' '.join(unknown)}")
    return options


def main():
    options = arguments()
    if options.long:
        test = peers.root / "tests/faults/kafka_backpressure_test.py"
        return subprocess.run([test, str(options.long)]).returncode
    chosen = [p for p in peers.MODES[options.mode] if options.peers is None or p.name in options.peers]
    for peer in chosen:
        peer.prepare()
    try:
        with Bench(options.port, peers.root / "build/bench/run") as bench:
            warm(bench, WARM_RUNS[options.mode])
            broken, reached = RUN[options.mode](bench, chosen, options)
    except Broken as error:
        print(f"FAILED: {error}")
        return 1
    return 1 if broken else 0 if reached else 3


if __name__ == "__main__":
    sys.exit(main())
