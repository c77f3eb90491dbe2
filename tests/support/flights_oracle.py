#!/usr/bin/env python3
"""Computes the flights example's result from its input alone, to judge `flights report --json`.

    tests/support/flights_oracle.py FILE      (FILE is a .csv, or a .zip that holds one)

It shares nothing with the example: no code, no library, no store. It prints one line of JSON.
"""
import collections
import csv
import io
import json
import sys
import zipfile

LATE_MINUTES = 180  # an arrival this late asks for a rebooking
CONFIRMED_A_DAY = 5  # what one airport's desk confirms for one date of flights


def rows(path):
    """The file's rows as dictionaries by column name."""
    if not zipfile.is_zipfile(path):
        with open(path, newline="", encoding="utf-8") as text:
            yield from csv.DictReader(text)
        return
    with zipfile.ZipFile(path) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".csv")]
        with archive.open(name) as raw:
            yield from csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8", newline=""))


def missing(value):
    return value in ("", "NA")


def compute(flights):
    """The members of the report as a dictionary, in the report's order."""
    members = ("arrival_delay_minutes", "arrived", "cancelled", "departed")
    carriers = collections.defaultdict(lambda: dict.fromkeys(members, 0))
    late = collections.Counter()
    aircraft = set()
    for row in flights:
        carrier = carriers[row["carrier"]]
        carrier["cancelled" if missing(row["dep_time"]) else "departed"] += 1
        if missing(row["arr_delay"]):
            continue
        delay = int(row["arr_delay"])
        carrier["arrived"] += 1
        carrier["arrival_delay_minutes"] += delay
        aircraft.add(f'{row["carrier"]} {row["flight"]}' if missing(row["tailnum"]) else row["tailnum"])
        if delay >= LATE_MINUTES:
            late[row["dest"], row["year"], row["month"], row["day"]] += 1

    def total(member):
        return sum(carrier[member] for carrier in carriers.values())

    requested = sum(late.values())
    confirmed = sum(min(n, CONFIRMED_A_DAY) for n in late.values())
    return {
        "departed": total("departed"),
        "cancelled": total("cancelled"),
        "arrived": total("arrived"),
        "carriers": {code: carriers[code] for code in sorted(carriers)},
        "rebooking": {"requested": requested, "confirmed": confirmed, "refused": requested - confirmed},
        "aircraft": len(aircraft),
    }


def report(path):
    """The report's line of JSON for the input at `path`."""
    return json.dumps(compute(rows(path)), separators=(",", ":"))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: flights_oracle.py FILE")
    print(report(sys.argv[1]))
