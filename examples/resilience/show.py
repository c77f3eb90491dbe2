#!/usr/bin/env python3
"""Exposes the shop of examples/resilience to one failure after another and checks the outcome of each.

usage: show.py [--kafka BOOTSTRAP]     one node on the embedded store, or two nodes on Kafka
Exit code 0: every order was billed once, in its customer's order, or is a dead letter.
"""
import argparse
import collections
import itertools
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

root = pathlib.Path(__file__).resolve().parents[2]
program = root / "build/release/bin/resilience"
folder = root / "build/data/resilience"
inbox, rates = folder / "inbox", folder / "rates"
WORTH = {"EUR": 100, "USD": 92, "GBP": 115}  # euro cents for 100
PATIENCE = 60  # seconds to wait for an outcome


def say(text):
    print(text, flush=True)


def heading(text):
    say(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}")


class Inbox:
    """Writes ten orders a second for each of four customers until stopped, and other lines that are put in."""

    def __init__(self):
        self.lock, self.stopped = threading.Lock(), threading.Event()
        self.expected, self.dead = collections.defaultdict(lambda: [0, 0]), 0
        self.file = inbox.open("w")
        self.thread = threading.Thread(target=self.feed)

    def put(self, line):
        with self.lock:
            self.file.write(line + "\n")
            self.file.flush()
            words = line.split()
            if words[0] == "order" and int(words[2]) > 0:
                of_customer = self.expected[words[1]]
                of_customer[0] += 1
                of_customer[1] += int(words[2]) * WORTH[words[3]] // 100
            elif words[0] != "clear":
                self.dead += 1

    def feed(self):
        for n in itertools.count(1):
            for customer, currency in (("ann", "EUR"), ("bob", "USD"), ("cid", "EUR"), ("dan", "USD")):
                self.put(f"order {customer} {n % 90 * 10 + 10} {currency}")
            if self.stopped.wait(0.1):
                return


class Node:
    def __init__(self, name, options):
        self.name, self.options, self.log = name, options, folder / f"{name}.log"
        self.process, self.shown = None, 0

    def start(self):
        with self.log.open("a") as log:
            self.process = subprocess.Popen([program, "run", "--inbox", inbox, "--rates", rates, *self.options,
                                             "--data", folder / self.name, "--set", f"node.id={self.name}"],
                                            stdout=log, stderr=log)

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        return self.process.wait(PATIENCE)

    def lines(self):
        """The log lines since the last call, without their dates."""
        text = self.log.read_text()[self.shown:]
        self.shown += len(text)
        return [line.split(" ", 1)[1] if line[:2] == "20" else line for line in text.splitlines()]


class Show:
    def __init__(self, nodes, options):
        self.nodes, self.options, self.inbox = nodes, options, Inbox()

    def status(self, *options):
        done = subprocess.run([program, "status", *self.options, *options], capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else ""

    def facts(self):
        found = {"account": {}, "parked": {}, "dead": [], "lines": 0}
        for line in self.status("--lines").splitlines():
            what, *words = line.split(" ")
            if what == "lines":
                found["lines"] = int(words[0])
            elif what == "dead":
                found["dead"].append(" ".join(words))
            else:
                found[what][words[0]] = [int(w) for w in words[1:]]
        return found

    def until(self, what, holds):
        """Waits until `holds` is true for the facts; ends the show on timeout."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            facts = self.facts()
            if holds(facts):
                return facts
            time.sleep(0.1)
        say(f"timed out after {PATIENCE} s: {what}\n{self.status()}")
        for node in self.nodes:
            say(f"the log of {node.name}:\n" + "\n".join(node.lines()[-20:]))
        raise SystemExit(1)

    def goes_on(self, *customers):
        """Waits until more orders of these customers are billed."""
        before = self.facts()["account"]
        return self.until(f"orders of {', '.join(customers)} are billed", lambda now: all(
            now["account"].get(c, [0])[0] > before.get(c, [0])[0] + 3 for c in customers))

    def show(self, most=6):
        """Prints what the nodes logged since the last call, and the status."""
        for node in self.nodes:
            lines = [line for line in node.lines() if "running" not in line]
            for line in lines[:most]:
                say(f"  {node.name}| {line[:180]}")
            if len(lines) > most:
                say(f"  {node.name}| … {len(lines) - most} more lines")
        say(self.status().rstrip())


def act_well(show):
    heading("1. All is well: four customers order, ten times a second each")
    show.goes_on("ann", "bob", "cid", "dan")
    show.show()


def act_poison(show):
    heading("2. Poison: an order of -5 cents, and a line that is not an order. Both are dead-lettered, the others go on")
    dead = len(show.facts()["dead"])
    show.inbox.put("order bob -5 EUR")
    show.inbox.put("what is this?")
    show.until("two dead letters", lambda now: len(now["dead"]) == dead + 2)
    show.goes_on("ann", "bob", "cid", "dan")
    show.show()


def act_busy(show):
    heading("3. The rates are empty for half a second: the turn is retried after 50 ms, 100 ms …")
    rates.write_text("")
    time.sleep(0.5)
    write_rates("EUR", "USD")
    show.goes_on("ann", "bob", "cid", "dan")
    show.show()


def act_outage(show):
    heading("4. The rates are gone for two seconds: the partitions pause and probe for them; nothing is dead-lettered")
    away = rates.rename(folder / "rates.away")
    time.sleep(1)
    before = show.facts()
    time.sleep(1)
    after = show.facts()
    if after["account"] != before["account"] or after["dead"] != before["dead"]:
        say(f"something was billed or dead-lettered without rates: {before} {after}")
        raise SystemExit(1)
    show.show()
    say("  … and they are back:")
    away.rename(rates)
    show.goes_on("ann", "bob", "cid", "dan")
    show.show()


def act_parked(show):
    heading("5. An order in pounds, for which there is no rate: the customer's key is parked, the others go on")
    show.inbox.put("order cid 400 GBP")
    show.until("cid is parked, with more orders waiting", lambda now: now["parked"].get("cid", [0])[0] > 3)
    show.goes_on("ann", "bob", "dan")
    show.show()
    say("  … the rate is added and cid is cleared: the waiting orders are billed in order")
    write_rates("EUR", "USD", "GBP")
    show.inbox.put("clear cid")
    show.until("cid is not parked", lambda now: "cid" not in now["parked"])
    show.goes_on("cid")
    show.show()


def act_kill(show):
    victim, *others = show.nodes
    heading(f"6. Node {victim.name} is killed with -9" +
            (f": node {others[0].name} takes over" if others else ", and restarted: it continues where it was"))
    victim.kill()
    if not others:
        victim.start()
    show.goes_on("ann", "bob", "cid", "dan")
    show.show()
    if others:
        victim.start()


def act_stop(show):
    heading("7. The rates are damaged: the policy says stop. The process ends with exit code 70 and its reason")
    rates.write_text("EUR one hundred\n")
    for node in show.nodes:
        code = node.process.wait(PATIENCE)
        say(f"  {node.name} has ended with {code}")
        if code != 70:
            raise SystemExit(1)
    show.show()
    say("  … they are repaired, and the process is restarted")
    write_rates("EUR", "USD", "GBP")
    for node in show.nodes:
        node.start()
    show.goes_on("ann", "bob", "cid", "dan")


def check(show):
    """Compares the billed sums with those of the inbox, added up here."""
    heading("8. The end: no more orders")
    show.inbox.stopped.set()
    show.inbox.thread.join()
    expected, dead = show.inbox.expected, show.inbox.dead
    facts = show.until("every order is billed", lambda now: all(
        now["account"].get(c, [0])[0] >= count for c, (count, _) in expected.items()))
    show.show()
    wrong = [f"{c}: {facts['account'][c]}, expected {count} orders, {cents} euro cents, 0 out of order"
             for c, (count, cents) in expected.items() if facts["account"][c] != [count, cents, 0]]
    if len(facts["dead"]) != dead or facts["parked"]:
        wrong.append(f"{len(facts['dead'])} dead letters of {dead}, {len(facts['parked'])} keys parked")
    say("\n".join(["WRONG", *wrong]) if wrong else
        f"\nEach of {sum(count for count, _ in expected.values())} orders was billed once and in order; "
        f"{dead} dead letters hold the rest.")
    return 1 if wrong else 0


def write_rates(*currencies):
    """Replaces the file in one step, so that nobody reads half of it."""
    new = folder / "rates.new"
    new.write_text("".join(f"{c} {WORTH[c]}\n" for c in currencies))
    new.rename(rates)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kafka", metavar="BOOTSTRAP")
    kafka = parser.parse_args().kafka
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_rates("EUR", "USD")
    options = ["--config", root / "config/kafka.toml", "--set", f"kafka.bootstrap={kafka}"] if kafka else []
    nodes = [Node(name, options) for name in (("a", "b") if kafka else ("a",))]
    show = Show(nodes, options or ["--data", folder / "a"])
    for node in nodes:
        node.start()
    show.inbox.thread.start()
    try:
        for act in (act_well, act_poison, act_busy, act_outage, act_parked, act_kill, act_stop):
            act(show)
        return check(show)
    finally:
        show.inbox.stopped.set()
        for node in nodes:
            if node.process.poll() is None:
                node.kill(signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
