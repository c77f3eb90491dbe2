#!/usr/bin/env python3
# ctest: TIMEOUT 300
"""The example `resilience` shows each outcome of a failure, and bills every order once, on both stores."""
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import own_broker  # noqa: E402

checks = own_broker.Checks()
OUTCOMES = ("/inbox line ", "an order of -5 cents", "will try again: the rates are being written", "the partition pauses at",
            "the partition goes on at", "a key is parked at", "a key is released", "and its policy says stop", "has ended with 70")


def check_run(where, *options):
    done = subprocess.run([own_broker.source / "examples/resilience/run", *options], capture_output=True, text=True, cwd="/")
    checks.check(f"every order is billed once on {where}", done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:])
    missing = [outcome for outcome in OUTCOMES if outcome not in done.stdout]
    checks.check(f"each outcome is seen on {where}", not missing, f"{missing} in {done.stdout}")


check_run("the embedded store")
check_run("Kafka", f"--kafka={own_broker.free_ports(1)}")
sys.exit(checks.end())
