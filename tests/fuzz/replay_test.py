#!/usr/bin/env python3
# ctest: TIMEOUT 900
"""Every file of the corpus through its target, under the address and undefined behaviour sanitizers."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests/fuzz/corpus"
LIMITS = ("-rss_limit_mb=1024", "-malloc_limit_mb=256", "-timeout=10")


def main():
    subprocess.run(["cmake", "--preset", "fuzz"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "--preset", "fuzz"], cwd=ROOT, check=True)
    programs = sorted(path for path in (ROOT / "build/fuzz/bin").glob("fuzz_*"))
    failed = [] if programs else ["no targets were built"]
    for program in programs:
        files = sorted((CORPUS / program.name.removeprefix("fuzz_")).glob("*"))
        result = subprocess.run([program, *LIMITS, *files], capture_output=True, text=True, errors="replace")
        if not files or result.returncode != 0 or result.stderr.count("Executed ") != len(files):
            failed.append(f"{program.name}: {result.stderr[-4000:]}" if files else f"{program.name} has no corpus")
        print(f"{program.name}: {len(files)} files")
    sys.exit("\n".join(failed) or 0)


if __name__ == "__main__":
    main()
