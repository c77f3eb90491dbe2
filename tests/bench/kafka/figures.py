"""Runs in turn, their medians, and the goals that these are judged by."""
import dataclasses
import statistics
import typing

from cluster import Broken

DETAILS = "details"  # of one run: not a number


def in_turn(what, measure, peers, runs):
    """Figures of each peer, in rounds, and whether one failed; that one takes no further part."""
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
            shown = "  ".join(f"{name} {value:.4g}" for name, value in figures.items() if name != DETAILS)
            print(f"  {what} {number + 1}, {peer.name}: {shown}", flush=True)
    return {name: medians(runs) for name, runs in results.items() if name not in broken}, bool(broken)


def medians(runs):
    """Of each figure by itself; details are those of the run in the middle by its first figure."""
    result = {name: statistics.median(run[name] for run in runs) for name in runs[0] if name != DETAILS}
    if DETAILS in runs[0]:
        first = next(iter(runs[0]))
        result[DETAILS] = sorted(runs, key=lambda run: run[first])[len(runs) // 2][DETAILS]
    return result


@dataclasses.dataclass
class Goal:
    text: str
    limit: float
    at_least: bool
    value: typing.Callable  # of the results; KeyError where a figure is missing


def at_least(limit, text, value):
    return Goal(text, limit, True, value)


def at_most(limit, text, value):
    return Goal(text, limit, False, value)


def ratio(peer, other, figure):
    return lambda results: results[peer][figure] / results[other][figure]


def figure(peer, name):
    return lambda results: results[peer][name]


def judge(goals, results):
    """Prints a line for each goal; True if all of them are reached."""
    good = True
    for goal in goals:
        limit = f"{'at least' if goal.at_least else 'at most'} {goal.limit:g}"
        try:
            value = goal.value(results)
        except KeyError:
            print(f"goal: {goal.text}, {limit}: no figure")
            good = False
            continue
        reached = value >= goal.limit if goal.at_least else value <= goal.limit
        good = good and reached
        print(f"goal: {goal.text}, {limit}: {value:.2f}, {'met' if reached else 'MISSED'}")
    return good
