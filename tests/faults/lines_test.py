#!/usr/bin/env python3
# ctest: TIMEOUT 240
"""A node follows a file of lines that is rotated, cut short, moved away and full of what is no text, and is killed at
random moments; each order is billed once, in its order, and each bad line is one dead letter.

    lines_test.py      KILLS=12, SEED and KEEP in the environment
"""
import collections
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from node_process import Failure, Process, say, wait_until  # noqa: E402

here = pathlib.Path(__file__).resolve().parent
source = pathlib.Path(os.environ.get("EVENTY_SOURCE_DIR", here.parents[1]))
program = pathlib.Path(os.environ.get("EVENTY_BIN_DIR", source / "build/release/bin")) / "resilience"
KILLS = int(os.environ.get("KILLS", 12))
AMID = 3  # kills that must come before all lines were taken, at least
BURST = 10_000  # lines right before a kill, at most, so that many cycles are busy with them
CUSTOMERS = ("ann", "bob", "cid", "dan")
BAD = {  # what is no order, and what its dead letter says
    b"order ann \xff\xfe EUR": "not UTF-8",
    b"order bob 1 E\0R": "NUL",
    b"what is this?": "neither an order nor a clear line",
    b"order cid 1 " + b"x" * 200_000: "longer than",
}


class Inbox:
    """The file, its writer, and what the orders come to."""

    def __init__(self, folder, chance):
        self.path, self.chance = folder / "inbox", chance
        self.file = open(self.path, "ab", buffering=0)
        self.lines, self.rotations = 0, 0
        self.expected = {c: [0, 0] for c in CUSTOMERS}
        self.dead = collections.Counter()
        self.did = collections.Counter()

    def put(self, line, in_pieces=False):
        line += self.chance.choice((b"\n", b"\n", b"\r\n"))
        if in_pieces:
            cut = self.chance.randrange(len(line))
            self.file.write(line[:cut])
            time.sleep(0.02)
            line = line[cut:]
        self.file.write(line)
        self.lines += 1

    def put_some(self, least=0, most=30, pieces=0.05):
        for _ in range(self.chance.randrange(least, most)):
            customer, cents = self.chance.choice(CUSTOMERS), self.lines % 977 + 1
            self.expected[customer][0] += 1
            self.expected[customer][1] += cents
            self.put(b"order %s %d EUR" % (customer.encode(), cents), in_pieces=self.chance.random() < pieces)
        if self.chance.random() < 0.1:
            line, why = self.chance.choice(list(BAD.items()))
            self.dead[why] += 1
            self.put(line, in_pieces=self.chance.random() < 0.5)

    def make_room(self):
        self.rotations += 1
        for n in range(self.rotations, 1, -1):
            newer = self.path.with_name(f"inbox.{n - 1}")
            if newer.exists():
                newer.rename(self.path.with_name(f"inbox.{n}"))
        return self.path.with_name("inbox.1")

    def rename(self):
        self.path.rename(self.make_room())
        if self.chance.random() < 0.5:
            self.put_some()  # the writer has not heard of it yet
        self.file.close()
        self.file = open(self.path, "ab", buffering=0)

    def copy_and_truncate(self):
        shutil.copyfile(self.path, self.make_room())
        os.truncate(self.path, 0)

    def copy_and_outgrow(self):
        """What is new reaches beyond the place up to which the old content was read, so its size tells nothing."""
        size = self.path.stat().st_size
        self.copy_and_truncate()
        while self.path.stat().st_size <= size:
            self.put_some(pieces=0)
        self.did["copy_and_outgrow"] += 1

    def move_away(self):
        away = self.path.with_name("away")
        self.path.rename(away)
        self.put_some()
        time.sleep(0.3)
        away.rename(self.path)

    def go_on(self):
        """Something happens to the file, now and then, while it grows."""
        self.put_some()
        if self.chance.random() < 0.07:
            step = self.chance.choice((self.rename, self.copy_and_truncate, self.move_away))
            step()
            self.did[step.__name__] += 1


class Node:
    def __init__(self, folder):
        self.folder, self.lives = folder, 0
        self.process = None

    def start(self):
        self.lives += 1
        command = [program, "run", "--inbox", self.folder / "inbox", "--rates", self.folder / "rates", "--data", self.folder / "data",
                   "--set", "log.level=trace", "--set", "engine.commit_interval_ms=2"]
        self.process = Process("a", command, self.folder / f"log.{self.lives}")
        self.process.wait_for_cycles("till")

    def facts(self):
        done = subprocess.run([program, "status", "--data", self.folder / "data", "--lines"], capture_output=True, text=True)
        found = {"lines": 0, "account": {}, "dead": []}
        for line in done.stdout.splitlines():
            what, *words = line.split(" ")
            if what == "lines":
                found["lines"] = int(words[0])
            elif what == "account":
                found["account"][words[0]] = [int(w) for w in words[1:]]
            elif what == "dead":
                found["dead"].append(line)
        return found


def judge(inbox, facts):
    """What is wrong, as sentences."""
    wrong = [f"{c}: {facts['account'].get(c)}, expected {count} orders, {cents} cents, none out of order"
             for c, (count, cents) in inbox.expected.items() if facts["account"].get(c) != [count, cents, 0]]
    if facts["lines"] != inbox.lines:
        wrong.append(f"{facts['lines']} lines of {inbox.lines}")
    for why, count in inbox.dead.items():
        seen = sum(why in line for line in facts["dead"])
        if seen != count:
            wrong.append(f"{seen} dead letters of {count}: {why}")
    if len(facts["dead"]) != sum(inbox.dead.values()):
        wrong.append(f"{len(facts['dead'])} dead letters: {facts['dead'][-5:]}")
    return wrong


def await_all(node, inbox):
    wait_until(lambda: node.facts()["lines"] >= inbox.lines, 60, lambda: f"{node.facts()} of {inbox.lines}\n{node.process.tail()}")


def campaign(folder, chance):
    (folder / "rates").write_text("EUR 100\n")
    inbox, node, amid = Inbox(folder, chance), Node(folder), 0
    inbox.put_some(least=1)  # else it has no cycle to wait for
    node.start()
    for kill in range(KILLS):
        until = time.monotonic() + chance.uniform(0.2, 2)
        while time.monotonic() < until:
            inbox.go_on()
            time.sleep(chance.uniform(0, 0.02))
        outgrows = kill % 3 == 0
        if outgrows:
            await_all(node, inbox)  # or it is busy with files that were renamed, for they are given a while each
        inbox.put_some(most=BURST, pieces=0)
        time.sleep(chance.uniform(0, 0.03))
        node.process.kill()
        amid += node.facts()["lines"] < inbox.lines
        if outgrows:
            inbox.copy_and_outgrow()
        for _ in range(chance.randrange(20)):
            inbox.go_on()  # while nobody looks
        inbox.put_some(least=1)
        node.start()
    inbox.put(b"clear ann")  # an end
    await_all(node, inbox)
    node.process.drain()
    if wrong := judge(inbox, node.facts()):
        raise Failure("\n".join(wrong))
    say(f"{inbox.lines} lines, {sum(inbox.dead.values())} of them bad, {dict(inbox.did)}, {KILLS} kills, {amid} amid the lines")
    if len(inbox.did) < 4 or len(inbox.dead) < len(BAD) or amid < min(AMID, KILLS):
        raise Failure(f"too little happened: {dict(inbox.did)}, {dict(inbox.dead)}, {amid} kills amid the lines")


def main():
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(2**32)))
    say(f"seed {seed}")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lines."))
    try:
        campaign(folder, random.Random(seed))
    except Failure as failure:
        say(f"FAILED with seed {seed}; the data is kept in {folder}\n{failure}")
        return 1
    if "KEEP" not in os.environ:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
