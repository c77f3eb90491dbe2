#!/usr/bin/env python3
# ctest: TIMEOUT 400 SERIAL
"""What operators do with Kafka's own tools, on a broker of the test's own: a consumer in the group of a service, offsets
that are reset, all topics lost. Nothing is skipped or repeated in silence, and each error says how to go on."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from own_broker import Broker, Checks, counter, counts_are_exact, on_kafka, script  # noqa: E402

GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"
ACCEPT = {"kafka__accept_positions": "counter"}
checks = Checks()


def options(broker, prefix, **settings):
    return on_kafka(broker.bootstrap, prefix, store__path=broker.folder.parent / f"copies-{prefix}",
                    supervision__intensity=1, **settings)


def feed(broker, prefix, records=200, keys=20):
    done = counter("feed", "--records", str(records), "--keys", str(keys), *on_kafka(broker.bootstrap, prefix))
    if done.returncode:
        sys.exit(done.stderr)


def run(broker, prefix, **settings):
    began = time.monotonic()
    try:
        done = counter("run", "--until-idle", *options(broker, prefix, **settings), timeout=60)
    except subprocess.TimeoutExpired as e:
        done = subprocess.CompletedProcess([], "still running", *[(b or b"").decode() for b in (e.stdout, e.stderr)])
    return done, time.monotonic() - began


def counts(broker, prefix, each):
    return counts_are_exact(broker.consume(f"{prefix}counter-events"), 20, each)


def wait_for(broker, group, what, text, seconds=40):
    """Until the group is described so."""
    deadline = time.monotonic() + seconds
    while text not in (told := broker.tool(GROUPS, "--describe", what, "--group", group, check=False)):
        if time.monotonic() > deadline:
            sys.exit(f"group {group}: no {text} in {told}")


def set_offsets(broker, prefix, where):
    """A tool does so once the group is empty, and else only says that it is not."""
    wait_for(broker, f"{prefix}counter", "--state", "Empty")
    broker.tool(GROUPS, "--reset-offsets", where, "--group", f"{prefix}counter", "--topic", f"{prefix}bench-events",
                "--execute")


def offsets_at_the_end(broker):
    """As a console consumer commits them: 1000 records would never be handled."""
    feed(broker, "latest.")
    run(broker, "latest.")
    feed(broker, "latest.", 1000)
    set_offsets(broker, "latest.", "--to-latest")
    done, took = run(broker, "latest.")
    checks.ended("positions at the end offset that no node wrote", done, [70], "offset", "bench-events",
                 "accept_positions", "start over", seconds=15, took=took)
    done, took = run(broker, "latest.", **ACCEPT)
    checks.ended("and they are taken where that is wanted", done, [0], took=took)
    checks.check("which is told", "accepted: service counter was set to offset" in done.stderr, done.stderr[-1500:])
    done, took = run(broker, "latest.")
    checks.ended("and once is enough", done, [0], took=took)


def offsets_that_are_reset(broker):
    """Every count would be doubled."""
    feed(broker, "reset.")
    run(broker, "reset.")
    set_offsets(broker, "reset.", "--to-earliest")
    done, took = run(broker, "reset.")
    checks.ended("positions at the beginning that no node wrote", done, [70], "offset 0 of", "accept_positions", seconds=15,
                 took=took)
    checks.check("and nothing was handled twice", counts(broker, "reset.", 10))


def a_consumer_in_the_group(broker):
    """Today's Java client joins with both protocols, and the newer one has groups of another type."""
    for protocol in ("classic", "consumer"):
        prefix = f"{protocol}."
        named = "console-consumer" if protocol == "classic" else "group.protocol=consumer"
        feed(broker, prefix)
        with subprocess.Popen([script, "tool", CONSUMER, "--bootstrap-server", broker.bootstrap, "--group",
                               f"{prefix}counter", "--topic", f"{prefix}bench-events", "--command-property",
                               f"group.protocol={protocol}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              start_new_session=True) as consumer:
            wait_for(broker, f"{prefix}counter", "--members", "console-consumer")
            done, took = run(broker, prefix)
            checks.ended(f"a console consumer in the group, protocol {protocol}", done, [1], named,
                         f"group {prefix}counter", seconds=20, took=took)
            os.killpg(consumer.pid, signal.SIGTERM)


def a_cluster_that_lost_its_topics(broker):
    feed(broker, "lost.")
    run(broker, "lost.")
    broker.stop()
    shutil.rmtree(broker.folder)
    broker.start()
    feed(broker, "lost.")
    done, took = run(broker, "lost.")
    checks.ended("a cluster that lost its topics", done, [70], "has no name", "belongs to incarnation", "lost its topics",
                 "states that were committed are lost", "start over", seconds=15, took=took)
    shutil.rmtree(broker.folder.parent / "copies-lost.")
    done, took = run(broker, "lost.")
    checks.ended("and without its copies a service begins anew", done, [0], took=took)
    checks.check("from the first record", counts(broker, "lost.", 10))


def main():
    with Broker() as broker:
        for part in (offsets_at_the_end, offsets_that_are_reset, a_consumer_in_the_group,
                     a_cluster_that_lost_its_topics):
            if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
                part(broker)
    return checks.end()


sys.exit(main())
