#!/usr/bin/env python3
# ctest: LABELS long TIMEOUT 3600
"""Every target searches for inputs that break it, for 60 seconds each, or SECONDS. What it finds is in
build/fuzz/found; it belongs into the corpus once it is mended. TARGETS=avro,json chooses among them."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

from fuzzers import LIMITS, ROOT, build, seeds

SECONDS = int(os.environ.get("SECONDS", "60"))
TARGETS = os.environ.get("TARGETS")
FOUND = ROOT / "build/fuzz/found"


def search(program):
    """The error, or None; prints how many inputs were tried."""
    with tempfile.TemporaryDirectory(prefix="eventy-fuzz-") as fresh:
        command = [program, *LIMITS, f"-max_total_time={SECONDS}", "-print_final_stats=1", "-use_value_profile=1",
                   "-max_len=8192", f"-artifact_prefix={FOUND}/{program.name}-", fresh, seeds(program)]
        result = subprocess.run(command, capture_output=True, text=True, errors="replace")
        kept = len(list(pathlib.Path(fresh).iterdir()))
    tried = re.search(r"number_of_executed_units: *(\d+)", result.stderr)
    tried = int(tried[1]) if tried else 0
    print(f"{program.name}: {tried} inputs, {kept} of them new ways", flush=True)
    if result.returncode != 0:
        return f"{program.name}: {result.stderr[-6000:]}"
    return None if tried > 1000 else f"{program.name} tried {tried} inputs only"


def main():
    FOUND.mkdir(parents=True, exist_ok=True)
    programs = [p for p in build() if not TARGETS or p.name.removeprefix("fuzz_") in TARGETS.split(",")]
    failed = [error for program in programs if (error := search(program))]
    sys.exit("\n".join(failed) or 0)


if __name__ == "__main__":
    main()
