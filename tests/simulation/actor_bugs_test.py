#!/usr/bin/env python3
"""A bug put on purpose into each actor is found by the seeds.

The programs are those of actor_bugs.cmake; each must say within 1,000 seeds what is wrong, and end with 1.
"""
# ctest: TIMEOUT 300

import os
import pathlib
import re
import subprocess
import sys

ACTORS = ("partition", "source", "bridge", "supervisor", "root")


def first_failure(program):
    """What the first failing seed says; None where none fails."""
    run = subprocess.run([program, "--from", "1", "--seeds", "1000", "--first"], capture_output=True, text=True,
                         timeout=120)
    found = [line for line in run.stdout.splitlines() if line.startswith("seed ")]
    return found[0] if run.returncode == 1 and found else None


def main():
    folder = pathlib.Path(os.environ["EVENTY_BUILD_DIR"]) / "tests/bin/actor_bugs"
    # Those that are listed: a program of an earlier build may still lie beside them.
    listed = (pathlib.Path(__file__).resolve().parent / "actor_bugs.cmake").read_text()
    programs = [folder / name for name in sorted(re.findall(r"^actor_bug\((\w+)", listed, re.MULTILINE))]
    failed = [actor for actor in ACTORS if not any(p.name.startswith(actor) for p in programs)]
    for program in programs:
        found = first_failure(program)
        print(f"{program.name}: {found or 'NOT FOUND'}")
        if not found:
            failed.append(program.name)
    if failed:
        sys.exit(f"not found, or no bug of it: {', '.join(failed)}")
    print(f"{len(programs)} bugs of {len(ACTORS)} actors found")


if __name__ == "__main__":
    main()
