#!/usr/bin/env python3
# ctest: TIMEOUT 300 KAFKA
"""The changelog of the states is compacted, emptied or truncated, under a node with a local copy and one without.

A node recovers, or it refuses with a clear error within a deadline. It never counts on from a wrong state.
"""
import shutil
import time

import kafka_harness
import kafka_verify
from kafka_harness import Campaign, Failure, Observer, say, shared_bootstrap, together, wait_until

COUNT = 600  # inputs before the fault, and after it
REFUSED_SECONDS = 40
LOST = "states that were committed are lost"  # so a refusal says; it is not refused for another reason
RATE, CYCLES = 400, 20
# A record that is so much younger than its segment begins a new one, and what lies before it is cleaned at once.
SEGMENT_SECONDS = 0.6
COMPACTING = "segment.ms=500,min.cleanable.dirty.ratio=0.0,max.compaction.lag.ms=1000,delete.retention.ms=0"


class Case(Campaign):
    def __init__(self, name, observer, copies):
        super().__init__(f"{name}-{'with' if copies else 'without'}-copies", shared_bootstrap(), observer,
                         **({} if copies else {"store__path": ""}), supervision__intensity=2)
        self.changelog = self.prefix + "exact-changelog"
        self.copies = self.folder / "copies-a"

    def run_to_the_end(self):
        """All the input that is there, by a node that is killed then."""
        node = self.node("a")
        self.settle()
        node.kill()

    def fall_behind(self):
        """Two rounds of input, and copies from after the first one."""
        self.feed(COUNT)
        self.run_to_the_end()
        old = self.folder / "old"
        shutil.copytree(self.copies, old)
        self.feed(COUNT)
        self.run_to_the_end()
        shutil.rmtree(self.copies)
        shutil.copytree(old, self.copies)

    def state_of_log(self):
        return self.observer.ask("ends", self.changelog)

    def truncate(self, place):
        """Deletes what lies before a place of each partition. The policy is set back: a node refuses any other."""
        self.observer.ask("config", self.changelog, "cleanup.policy=delete")
        for at in self.state_of_log():
            self.observer.ask("delete-records", self.changelog, at["partition"], place(at))
        self.observer.ask("config", self.changelog, "cleanup.policy=compact")
        if not all(at["first"] > 0 for at in self.state_of_log()):
            raise Failure(f"{self.name}: nothing was truncated")

    def make_anew(self):
        # Deleted with markers still to be written there, it could stop the markers of all transactions for 30 s.
        wait_until(lambda: all(t["state"] in kafka_verify.OVER for t in self.observer.ask("transactions", self.prefix)),
                   20, "the ends of all transactions")
        self.observer.ask("delete", self.changelog)
        wait_until(lambda: not self.observer.ask("topics", self.changelog), 20, "the end of the changelog")
        self.observer.ask("create", self.changelog, self.partitions, "cleanup.policy=compact")

    def recovers(self):
        """Goes on as if nothing had been, from what the log and the copies hold."""
        self.feed(COUNT)
        self.finish(self.node("a"), judge_state=False)

    def refuses(self):
        """Ends with an error that names the changelog, and has counted nothing wrong."""
        self.feed(COUNT)
        node = self.node("a")
        wait_until(lambda: not node.alive(), REFUSED_SECONDS, lambda: f"{self.name}: no end\n{node.tail()}")
        node.join()
        told = [line for line in node.lines if "topic exact-changelog" in line and LOST in line]
        if node.process.returncode in (0, -9, -6, -11) or not told:
            raise Failure(f"{self.name}: ended with {node.process.returncode}\n{node.tail()}")
        outputs = kafka_verify.outputs_of(self.observer, self.prefix + "exact-events")
        if found := kafka_verify.exact_so_far(kafka_verify.inputs_of(self.observer, self.source), outputs):
            raise Failure("\n".join([self.name, *found]))
        say(f"passed {self.name}: refused with {node.process.returncode}: {told[-1][:300]}")


def each(name, fault, without, with_copies):
    """The fault on a log of COUNT inputs, and what follows without local copies and with such that are up to date."""
    def one(observer, copies, outcome):
        with Case(name, observer, copies) as c:
            c.feed(COUNT)
            c.run_to_the_end()
            fault(c)
            outcome(c)
    with Observer(shared_bootstrap()) as observer:
        together(lambda: one(observer, False, without), lambda: one(observer, True, with_copies))


def superseded(records, ends):
    """The records before these ends, each partition's, that another one of their key follows before them."""
    last = {}
    for r in records:
        if r["offset"] < ends[r["partition"]]:
            last[r["partition"], r["key"]] = r["offset"]
    return [r for r in records if r["offset"] < last.get((r["partition"], r["key"]), 0)]


def a_compacted_changelog():
    """Only the last value of each key is left, and it is enough."""
    def compact(c):
        node = c.node("a")
        with c.load(RATE):
            node.wait_for_cycles("exact", CYCLES)  # each key changes in many of them
        c.settle()
        node.kill()
        c.observer.ask("config", c.changelog, COMPACTING)
        before = c.observer.records(c.changelog)
        ends = {at["partition"]: at["end"] for at in c.state_of_log()}
        gone = superseded(before, ends)
        if {r["partition"] for r in gone} != set(ends):
            raise Failure(f"{c.name}: there is nothing to compact in some partition")
        time.sleep(SEGMENT_SECONDS)
        c.feed(c.keys)  # each partition gets a new segment: the last one is never cleaned
        c.run_to_the_end()
        left = {}

        def compacted():
            left["now"] = c.observer.records(c.changelog)
            return not superseded(left["now"], ends)
        wait_until(compacted, 60, lambda: f"{c.name}: the compaction; {len(superseded(left['now'], ends))} of {len(gone)} "
                                          f"superseded records are still there")
        say(f"{c.name}: the broker removed {len(gone)} of {len(before)} records")
    each("compacted", compact, Case.recovers, Case.recovers)


def a_changelog_that_was_made_anew():
    """Deleted, and there again without a record: an empty state would be a wrong one."""
    each("anew", Case.make_anew, Case.refuses, Case.refuses)


def a_changelog_that_was_made_anew_and_has_grown():
    """Deleted, and there again with more records than it had: only its name tells that it is another one."""
    def make_anew_and_fill(c):
        before = {at["partition"]: at["end"] for at in c.state_of_log()}
        c.make_anew()
        while any(at["end"] <= before[at["partition"]] for at in c.state_of_log()):
            c.observer.ask("feed", c.changelog, c.partitions, c.keys, 0, COUNT, 0)
            c.observer.ask("end-feed", c.changelog)
    each("grown", make_anew_and_fill, Case.refuses, Case.refuses)


def a_truncated_changelog():
    """Its older half is deleted. What is left is not all, and no copy can tell that it belongs to it: the log's
    name stood in what is gone."""
    def truncate(c):
        c.truncate(lambda at: (at["first"] + at["end"]) // 2)
    each("truncated", truncate, Case.refuses, Case.refuses)


def copies_older_than_the_changelog():
    """The log was truncated beyond the place where the copies end: there is a gap that nobody can fill."""
    with Observer(shared_bootstrap()) as observer, Case("old", observer, True) as c:
        c.fall_behind()
        c.truncate(lambda at: at["end"] - 2)
        c.refuses()


def copies_that_lack_the_tail():
    """Copies from before the last cycles: the log's tail brings them up."""
    with Observer(shared_bootstrap()) as observer, Case("tail", observer, True) as c:
        c.fall_behind()
        c.recovers()


if __name__ == "__main__":
    kafka_harness.main(a_compacted_changelog, a_changelog_that_was_made_anew,
                       a_changelog_that_was_made_anew_and_has_grown, a_truncated_changelog, copies_older_than_the_changelog,
                       copies_that_lack_the_tail)
