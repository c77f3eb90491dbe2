#!/usr/bin/env python3
# ctest: TIMEOUT 300 SERIAL
"""A replica of a topic is away: its brokers take no records until it is back, and are not asked a thousand times a second."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from own_broker import Broker, Checks, binaries, counter, counts_are_exact, on_kafka  # noqa: E402

TOPICS = "org.apache.kafka.tools.TopicCommand"
PARTITIONS, KEYS, EACH, MOST_PER_SECOND = 2, 20, 10, 100
REFUSED = "Broker: Not enough in-sync replicas (actions"  # as librdkafka tells of each request
checks = Checks()


def await_that(done, seconds=60):
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.2)
    return done()


def main():
    with Broker(brokers=3) as broker, tempfile.TemporaryFile("w+") as log:
        broker.tool(TOPICS, "--create", "--topic", "counter-events", "--partitions", str(PARTITIONS), "--config",
                    "min.insync.replicas=3")
        options = on_kafka(broker.bootstrap, topics__partitions=PARTITIONS, log__level="debug",
                           store__path=broker.folder.parent / "copies", **{"kafka__librdkafka.debug": "msg"})
        # Its other topics are made while all brokers are there: a controller that does not know yet of a dead broker takes long.
        first = counter("run", "--until-idle", *options)
        checks.check("the topics are there", first.returncode == 0, first.stderr[-1500:])
        fed = counter("feed", "--records", str(KEYS * EACH), "--keys", str(KEYS), *options)
        checks.check("input is there", fed.returncode == 0, fed.stderr[-1500:])
        os.kill(int((broker.folder / "broker-2.pid").read_text()), signal.SIGKILL)
        node = subprocess.Popen([binaries / "counter", "run", *options], stdout=subprocess.DEVNULL, stderr=log)

        def said():
            return pathlib.Path(f"/proc/self/fd/{log.fileno()}").read_text()

        def refused():
            return said().count(REFUSED)
        checks.check("records are refused while a replica is away", await_that(refused), said()[-1500:])
        before, began = refused(), time.monotonic()
        time.sleep(3)
        rate = (refused() - before) / (time.monotonic() - began) / PARTITIONS
        checks.check(f"and sent again, {rate:.0f} times a second", 1 < rate < MOST_PER_SECOND)
        broker.start()
        checks.check("they are taken when it is back, exactly once", await_that(
            lambda: counts_are_exact(broker.consume("counter-events", 2000), KEYS, EACH)), said()[-1500:])
        node.terminate()
        checks.check("the node works on", node.wait(30) == 0, said()[-1500:])
    return checks.end()


sys.exit(main())
