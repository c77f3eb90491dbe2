#!/usr/bin/env python3
# ctest: TIMEOUT 300
"""The first command of README.md counts a year of flights exactly, on the embedded store and on a broker of its own."""
import pathlib
import shlex
import subprocess
import sys

sys.dont_write_bytecode = True
here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
import flights_oracle  # noqa: E402
import own_broker  # noqa: E402

command = own_broker.source / "examples/flights/run"
year = own_broker.source / "build/data/flights.csv.zip"
checks = own_broker.Checks()


def check_run(where, *options):
    """Runs the command, and asks for the report in the way that it names, or else in the folder that it uses."""
    done = subprocess.run([command, *options], capture_output=True, text=True, cwd="/")
    checks.check(f"it ends well on {where}", done.returncode == 0, done.stdout[-1000:] + done.stderr[-1000:])
    shown = [line.split() for line in done.stdout.splitlines() if line.startswith("all ")]
    named = [shlex.split(line) for line in done.stdout.splitlines() if line.startswith("  build/release/bin/flights report")]
    ask = named[0] if named else ["build/release/bin/flights", "report", "--data", "build/data/flights"]
    report = subprocess.run([*ask, "--json"], capture_output=True, text=True, cwd=own_broker.source)
    checks.check(f"it prints the table of {where}", len(shown) == 1, done.stdout[-1000:])
    checks.check(f"the report of {where} is exact", report.stdout.strip() == flights_oracle.report(year),
                 report.stdout + report.stderr)


check_run("the embedded store")
try:
    check_run("Kafka", f"--kafka={own_broker.free_ports(1)}")
finally:
    subprocess.run([own_broker.script, "stop", "--folder", own_broker.source / "build/kafka/flights"], check=True)
sys.exit(checks.end())
