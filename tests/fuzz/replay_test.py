#!/usr/bin/env python3
# ctest: TIMEOUT 1800
"""Every file of the corpus through its target, under the address and undefined behaviour sanitizers."""

import subprocess
import sys

from fuzzers import LIMITS, build, seeds


def main():
    failed = []
    for program in build():
        files = sorted(seeds(program).glob("*"))
        result = subprocess.run([program, *LIMITS, *files], capture_output=True, text=True, errors="replace")
        if not files or result.returncode != 0 or result.stderr.count("Executed ") != len(files):
            failed.append(f"{program.name}: {result.stderr[-4000:]}" if files else f"{program.name} has no corpus")
        print(f"{program.name}: {len(files)} files")
    sys.exit("\n".join(failed) or 0)


if __name__ == "__main__":
    main()
