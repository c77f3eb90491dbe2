#!/usr/bin/env python3
# ctest: KAFKA TIMEOUT 240
"""The producer and the consumer of the protocol's page, taken out of it and run beside our counter.

    tests/interop/by_hand_test.py     with EVENTY_KAFKA=HOST:PORT of a broker (config/kafka/broker start)
"""
import environment

environment.enter()  # what follows is found only there

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

BOOTSTRAP = os.environ.get("EVENTY_KAFKA", "127.0.0.1:19092")
PREFIX = f"by-hand-{os.getpid()}-{int(time.time())}-"
COUNTER = environment.build / "bin/counter"
CLICKS = 3
MOST_LINES = 20  # of a program


def blocks(page, language):
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", page)


def take_out(folder):
    """The programs of the page, and its record in JSON."""
    page = (environment.source / "runtime/core/protocol.md").read_text()
    programs = {}
    for text in blocks(page, "python"):
        name = re.match(r"# (\w+\.py) ", text)[1]
        programs[name] = folder / name
        programs[name].write_text(text)
        if len(text.splitlines()) > MOST_LINES:
            sys.exit(f"{name} has {len(text.splitlines())} lines")
    return programs, json.loads(blocks(page, "json")[0])


def run(*command):
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, timeout=120)
    if done.returncode:
        sys.exit(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


with tempfile.TemporaryDirectory(prefix="eventy-by-hand-") as name:
    folder = pathlib.Path(name)
    programs, example = take_out(folder)
    node = subprocess.Popen([COUNTER, "run", "--data", folder / "data", "--set", "store.type=kafka", "--set",
                             f"kafka.bootstrap={BOOTSTRAP}", "--set", f"kafka.prefix={PREFIX}", "--set",
                             "topics.partitions=4"], stderr=subprocess.PIPE, text=True)
    try:
        for line in node.stderr:
            if "running counter" in line:
                break
        for n in range(CLICKS):
            run(programs["produce.py"], BOOTSTRAP, PREFIX + "bench-events", "ann", n)
        # The record that the page shows is one that is handled too.
        shown = folder / "shown.py"
        shown.write_text("import json, sys\nfrom confluent_kafka import Producer\n"
                         "p = Producer({'bootstrap.servers': sys.argv[1]})\n"
                         f"p.produce(sys.argv[2], {json.dumps(json.dumps(example))}, 'ann')\np.flush()\n")
        run(shown, BOOTSTRAP, PREFIX + "bench-events")
        out = run(programs["consume.py"], BOOTSTRAP, PREFIX + "counter-events", PREFIX + "reader", CLICKS + 1)
    finally:
        node.send_signal(signal.SIGTERM)
        rest = node.communicate(timeout=60)[1]
print(out)
lines = [line.split(" ", 3) for line in out.splitlines()]
wanted = [{"key": "ann", "count": n + 1} for n in range(CLICKS + 1)]
found = [json.loads(line[3]) for line in lines]
if found != wanted or any(line[:2] != ["Counted", "ann"] for line in lines):
    sys.exit(f"{found} instead of {wanted}\n{rest}")
if lines[-1][2] != example["correlation_id"]:
    sys.exit(f"the chain is {lines[-1][2]}")
if node.returncode:
    sys.exit(f"the counter ended with {node.returncode}\n{rest}")
