#!/usr/bin/env python3
# ctest: TIMEOUT 300 SERIAL
"""config/kafka/broker: three brokers with TLS, one killed, started again, started twice, a port that is taken; and
a single one that is killed or stopped, and started again."""
import os
import pathlib
import signal
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from own_broker import Broker, Checks  # noqa: E402

checks = Checks()


def status(broker):
    return broker.call("status", stdout=subprocess.PIPE)


def start(broker, **how):
    return broker.call("start", *broker.options, "--port", str(broker.port), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, **how)


def taken_port(broker):
    with socket.create_server(("127.0.0.1", broker.port + 13)):
        done = start(broker)
    checks.check("a taken port is named, and whose it was to be", done.returncode == 1 and "Traceback" not in done.stderr
                 and f"port {broker.port + 13}, for CONTROLLER of broker 1, is taken" in done.stderr, done.stderr)
    checks.check("and nothing is left running", status(broker).returncode == 3 and not broker.folder.exists())


def killed(broker, number):
    """The status after kill -9 of one of them."""
    os.kill(int((broker.folder / f"broker-{number}.pid").read_text()), signal.SIGKILL)
    done = status(broker)
    while f"broker {number}: running" in done.stdout:
        done = status(broker)
    return done


def single_broker():
    """While it runs its session never ends, nor do its partitions lose their leader: Kafka 4.3 would lose markers."""
    with Broker() as broker:
        def is_led():
            return b"Fencing broker" not in (broker.folder / "broker-0.log").read_bytes()
        killed(broker, 0)
        checks.check("a single broker starts again after its kill", start(broker).returncode == 0)
        checks.check("and its session had ended before", is_led())
        broker.stop()
        checks.check("a single broker starts again after a stop", start(broker).returncode == 0)
        checks.check("and its session had ended before that, too", is_led())


def main():
    single_broker()
    broker = Broker("--tls", brokers=3)
    taken_port(broker)
    with broker:
        checks.check("three brokers run", status(broker).stdout.count("running, process") == 3)
        broker.tool("org.apache.kafka.tools.TopicCommand", "--create", "--topic", "t", "--partitions", "3",
                    "--replication-factor", "3")
        before = status(broker).stdout
        checks.check("a second start finds them running", start(broker).returncode == 0
                     and status(broker).stdout == before)
        checks.check("one of another kind is refused", broker.call(
            "start", "--brokers", "1", "--port", str(broker.port), stderr=subprocess.PIPE).returncode == 1)
        done = killed(broker, 1)
        checks.check("a killed one is told", done.returncode == 3 and "broker 1: not running" in done.stdout)
        checks.check("and started again", start(broker).returncode == 0 and status(broker).returncode == 0)
        out = broker.tool("org.apache.kafka.tools.TopicCommand", "--describe", "--topic", "t")
        checks.check("the topic has three replicas", out.count("Replicas: ") == 3, out)
        broker.stop()
        checks.check("stopped", status(broker).returncode == 3)
    return checks.end()


sys.exit(main())
