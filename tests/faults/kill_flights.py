#!/usr/bin/env python3
"""Kills the flights example with SIGKILL again and again, and judges what it has counted in the end.

    kill_flights.py --binary FLIGHTS --input FILE [--kills 30] [--seed N]
    kill_flights.py --self-check

An undisturbed run comes first. The second run is killed at random moments, spread over its committed
progress, and started again each time on the same data. Both must then report exactly what
tests/support/flights_oracle.py computes from the input. It also asserts that the kills were worth
something: each hit an unfinished run, and several the inside of a commit cycle. The seed is printed;
the same seed draws the same places again, though the clock decides what each kill interrupts.
"""
import argparse
import collections
import json
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import flights_oracle  # noqa: E402

# ---- what this script knows about the program

COMMIT_INTERVAL_MS = 2  # small steps, so that a small input takes many cycles
ROWS_PER_POLL = 10
SETTINGS = ("log.level=trace", "node.progress_ms=1", "engine.commit_interval_ms={commit_interval_ms}", "flights.rows_per_poll={rows_per_poll}")
# stdout, each line flushed after the commit that it tells of:
PROGRESS = re.compile(rb"^progress rows=(\d+) total=(\d+)\s*$")
IDLE = re.compile(rb"^idle\b")  # the last line of a run that read everything
# stderr, at log level trace; each service counts its own cycles.
CYCLE = re.compile(rb"\bcycle (begin|committed) (\S+) (\d+)")

# ---- what makes a campaign worth something

LAST_PLACE = 0.97  # of the rows: beyond it, a run could end before its kill
STEPS_PER_KILL = 3  # progress lines of the undisturbed run, at least
KILLS_INSIDE = 5  # that must hit the inside of a cycle (all, when there are fewer)
SILENCE_SECONDS = 60  # without a line of output: the run hangs
REPORT_SECONDS = 60


class Failure(Exception):
    """The campaign failed; the text says why."""


def home_of(options, data):
    """Where a run keeps its data: a folder, or topics of their own on a broker and a folder of its copies of states."""
    if not options.kafka:
        return ["--data", data]
    root = pathlib.Path(__file__).resolve().parents[2]
    prefix = f"{pathlib.Path(data).parent.name}-{pathlib.Path(data).name}-"
    return ["--config", root / "config/kafka.toml", "--set", f"kafka.bootstrap={options.kafka}", "--set",
            f"kafka.prefix={prefix}", "--data", data]


class Run:
    """One process of the program, with its output read by two threads."""

    def __init__(self, options, data):
        settings = [s.format(commit_interval_ms=options.commit_interval_ms, rows_per_poll=options.rows_per_poll)
                    for s in SETTINGS]
        command = [options.binary, "run", "--input", options.input, *home_of(options, data), "--until-idle"]
        for setting in settings:
            command += ["--set", setting]
        self.rows = self.total = 0
        self.steps = set()  # the committed rows that were reported
        self.idle = False
        self.cycles = collections.Counter()  # (service, number): begun and neither committed nor aborted
        self.cycles_seen = 0
        self.last_lines = collections.deque(maxlen=20)
        self.changed = threading.Condition()
        self.heard = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.readers = [threading.Thread(target=self._read, args=arguments, daemon=True)
                        for arguments in ((self.process.stdout, self._progress), (self.process.stderr, self._trace))]
        for reader in self.readers:
            reader.start()

    def _read(self, stream, take):
        for line in stream:
            with self.changed:
                take(line)
                self.heard = time.monotonic()
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def _progress(self, line):
        if match := PROGRESS.match(line):
            self.rows, self.total = int(match[1]), int(match[2])
            self.steps.add(self.rows)
        elif IDLE.match(line):
            self.idle = True

    def _trace(self, line):
        self.last_lines.append(line)
        if match := CYCLE.search(line):
            self.cycles_seen += 1
            self.cycles[match[2], int(match[3])] += 1 if match[1] == b"begin" else -1

    def wait(self, done):
        """Until done() or the process ended; fails when it falls silent."""
        with self.changed:
            while not done() and self.process.poll() is None:
                self.changed.wait(timeout=1)
                if time.monotonic() - self.heard > SILENCE_SECONDS:
                    raise Failure(f"the run hangs at {self.rows} rows: no output for {SILENCE_SECONDS} s\n{self.log()}")

    def kill(self):
        """SIGKILL; whether the process was still unfinished. Afterwards all that it wrote has been read."""
        alive = self.process.poll() is None
        self.process.kill()
        self._join()
        return alive and self.process.returncode == -signal.SIGKILL and not self.idle

    def finish(self):
        self.wait(lambda: False)
        self._join()
        if self.process.returncode != 0 or not self.idle:
            raise Failure(f"the run ended with {self.process.returncode}, "
                          f"{'idle' if self.idle else 'without the line idle'}\n{self.log()}")

    def _join(self):
        self.process.wait()
        for reader in self.readers:
            reader.join()

    def open_cycles(self):
        return [f"{service.decode() + ' ' if service else ''}{number}"
                for (service, number), open_now in self.cycles.items() if open_now > 0]

    def log(self):
        return b"".join(self.last_lines).decode(errors="replace")


Kill = collections.namedtuple("Kill", "place rows unfinished open_cycles")


def report(options, data):
    result = subprocess.run([options.binary, "report", *home_of(options, data), "--json"], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=REPORT_SECONDS)
    if result.returncode != 0:
        raise Failure(f"report ended with {result.returncode}: {result.stderr}")
    return result.stdout


def undisturbed(options, data):
    """Runs to the end; returns the report and the number of rows."""
    run = Run(options, data)
    try:
        run.finish()
    finally:
        run.kill()
    if len(run.steps) < STEPS_PER_KILL * options.kills:
        raise Failure(f"too coarse: {len(run.steps)} different progress lines in a whole run, {options.kills} kills need "
                      f"{STEPS_PER_KILL * options.kills}; lower --rows-per-poll or --commit-interval-ms")
    if run.cycles_seen == 0:
        raise Failure("no cycle was seen in the trace: nobody could tell what a kill hits")
    print(f"undisturbed: {run.total} rows in {len(run.steps)} steps", flush=True)
    return report(options, data), run.total


def next_place(planned, reached, left, total, chance):
    """The planned place, or one between the rows reached and the places that follow when it is behind."""
    if planned > reached:
        return planned
    room = (total * LAST_PLACE - reached) / (left + 1)
    return reached + 1 + int(chance.uniform(0, max(room, 0)))


def killed(options, data, wanted, total, chance):
    """Kills a run at random places until none or no row is left, and lets the last one finish. Returns the kills: fewer
    than wanted where a slow cycle committed all the rows that the last ones should have hit."""
    places = sorted(chance.sample(range(1, int(total * LAST_PLACE)), wanted))
    kills, reached = [], 0
    for i, planned in enumerate(places):
        if reached == total:
            print(f"no row is left for {wanted - i} kills", flush=True)
            break
        place = next_place(planned, reached, wanted - i, total, chance)
        delay_ms = chance.uniform(0, options.commit_interval_ms)
        run = Run(options, data)
        try:
            run.wait(lambda: run.rows >= place)
            time.sleep(delay_ms / 1000)
        finally:
            unfinished = run.kill()
        if run.rows < reached:
            raise Failure(f"committed progress went back from {reached} to {run.rows} rows")
        if run.rows < place:
            raise Failure(f"the run ended by itself at {run.rows} rows, before its kill at {place}\n{run.log()}")
        reached = run.rows
        kills.append(Kill(place, run.rows, unfinished, run.open_cycles()))
        inside = "inside of cycle " + ", ".join(kills[-1].open_cycles) if kills[-1].open_cycles else "between cycles"
        print(f"kill {i + 1}: {delay_ms:.1f} ms after row {place}, {reached} of {total} committed, {inside}", flush=True)
    run = Run(options, data)
    try:
        run.finish()
    finally:
        run.kill()
    return kills


def findings(expected, reports, kills, wanted):
    """What is wrong with a campaign, as sentences; none when it proves what it should."""
    found = []
    for name, text in reports.items():
        if text.removesuffix("\n") != expected:
            found.append(f"the report of the {name} run differs\n  expected {expected}\n  reported {text.strip()}")
    if len(kills) != wanted:
        found.append(f"{len(kills)} kills instead of {wanted}")
    for kill in kills:
        if not kill.unfinished:
            found.append(f"the kill after row {kill.place} hit a run that had finished")
    inside = sum(1 for kill in kills if kill.open_cycles)
    if inside < min(KILLS_INSIDE, wanted):
        found.append(f"{inside} kills hit the inside of a cycle, {min(KILLS_INSIDE, wanted)} are needed")
    return found


def campaign(options):
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    print(f"seed {seed}", flush=True)
    expected = flights_oracle.report(options.input)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kill_flights."))
    began = time.monotonic()
    try:
        calm, total = undisturbed(options, str(folder / "calm"))
        kills, reports, chance = [], {"undisturbed": calm}, random.Random(seed)
        while len(kills) < options.kills:  # mostly once
            name = f"killed-{len(reports)}"
            kills += killed(options, str(folder / name), options.kills - len(kills), total, chance)
            reports[name] = report(options, str(folder / name))
        if found := findings(expected, reports, kills, options.kills):
            raise Failure("\n".join(found))
    except (Failure, subprocess.TimeoutExpired, OSError) as failure:
        print(f"FAILED with seed {seed}; the data is kept in {folder}\n{failure}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    inside = sum(1 for kill in kills if kill.open_cycles)
    print(f"passed: {len(kills)} kills from row {kills[0].rows} to {kills[-1].rows} of {total}, each of an unfinished "
          f"run, {inside} inside a cycle; the reports are exact ({time.monotonic() - began:.0f} s, seed {seed})")
    return 0


def altered(value):
    """Copies of a report in which one number differs by one."""
    if isinstance(value, int):
        yield from (value - 1, value + 1)
        return
    for name, member in value.items():
        for other in altered(member):
            yield {**value, name: other}


def self_check():
    """Shows that the judgement fails for each thing it should notice. Needs no program."""
    def as_text(value):
        return json.dumps(value, separators=(",", ":"))

    row = {"year": "2013", "month": "7", "day": "8", "dep_time": "517", "arr_delay": "200", "carrier": "UA",
           "flight": "1545", "tailnum": "N14228", "dest": "IAH"}
    truth = flights_oracle.compute([row] * 7 + [{**row, "carrier": "AA", "dep_time": "NA", "arr_delay": "NA"}])
    good = [Kill(i, i, True, ["1"]) for i in range(1, 31)]

    def judged(text, kills=good):
        return findings(as_text(truth), {"undisturbed": as_text(truth) + "\n", "killed": text}, kills, 30)

    rounds = list(altered(truth))
    checks = {
        "an exact report passes": not judged(as_text(truth) + "\n"),
        "the sample has refusals": truth["rebooking"] == {"requested": 7, "confirmed": 5, "refused": 2},
        "every number matters": len(rounds) > 20 and all(judged(as_text(other)) for other in rounds),
        "blanks matter": bool(judged(json.dumps(truth))),
        "an empty report fails": bool(judged("")),
        "a kill too few fails": bool(judged(as_text(truth), good[1:])),
        "a kill of a finished run fails": bool(judged(as_text(truth), good[1:] + [Kill(31, 31, False, ["1"])])),
        "kills between cycles only fail": bool(judged(as_text(truth), [k._replace(open_cycles=[]) for k in good])),
        "a place behind is moved ahead": 50 < next_place(20, 50, 3, 100, random.Random(1)) < 97,
    }
    for name, passed in checks.items():
        print(f"{'ok    ' if passed else 'FAILED'} {name}")
    print(f"self-check: {len(rounds)} altered reports, {sum(checks.values())} of {len(checks)} checks passed")
    return 0 if all(checks.values()) else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", help="the program flights")
    parser.add_argument("--input", help="the flights, as .csv or .zip")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--kafka", help="host:port of a broker: the run keeps its data there instead of a folder")
    parser.add_argument("--seed", type=int, help="of the random places; drawn and printed when not given")
    parser.add_argument("--rows-per-poll", type=int, default=ROWS_PER_POLL)
    parser.add_argument("--commit-interval-ms", type=int, default=COMMIT_INTERVAL_MS)
    parser.add_argument("--self-check", action="store_true", help="show that the judgement can fail")
    options = parser.parse_args()
    if options.self_check:
        return self_check()
    if not options.binary or not options.input or options.kills < 1:
        parser.error("--binary, --input and at least one kill are needed")
    return campaign(options)


if __name__ == "__main__":
    sys.exit(main())
