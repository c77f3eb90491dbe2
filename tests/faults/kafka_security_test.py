#!/usr/bin/env python3
# ctest: TIMEOUT 400 SERIAL
"""TLS, SASL and missing permissions, on a broker of the test's own: who may, counts to the end (as the Java client
sees it); who may not, ends soon with the reason in one line. No secret is ever printed."""
import concurrent.futures
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from own_broker import (SCRAM_WORKS, SECRETS, Broker, Checks, counter, counts_are_exact,  # noqa: E402
                        linked_librdkafka, newer_librdkafka, on_kafka)

RECORDS, KEYS = 600, 20
SOON = 20  # seconds: far below the 43 that ten restarts take
checks = Checks()


def configuration(folder, name, properties):
    file = folder / f"{name}.toml"
    lines = [f'"{key}" = "{value}"' for key, value in properties.items()]
    file.write_text("[kafka.librdkafka]\n" + "\n".join(lines) + "\n")
    return file


def run(folder, bootstrap, prefix, properties, *more, **how):
    began = time.monotonic()
    done = counter("run", "--config", configuration(folder, prefix, properties), "--until-idle",
                   *on_kafka(bootstrap, prefix, kafka__request_timeout_ms=8000), *more, **how)
    return done, time.monotonic() - began


def sasl(broker, mechanism, user="eventy", password="eventy-secret"):
    return {"security.protocol": "sasl_ssl", "sasl.mechanism": mechanism, "sasl.username": user,
            "sasl.password": password, "ssl.ca.location": broker.certificate("authority.pem")}


def certificate(broker):
    return {"security.protocol": "ssl", "ssl.ca.location": broker.certificate("authority.pem"),
            "ssl.certificate.location": broker.certificate("client.pem"),
            "ssl.key.location": broker.certificate("client.key")}


def feed(broker, prefixes):
    for prefix in prefixes:
        done = counter("feed", "--records", str(RECORDS), "--keys", str(KEYS), *on_kafka(broker.bootstrap, prefix))
        if done.returncode:
            sys.exit(done.stderr)


def those_who_may(broker, folder):
    ways = {"cert.": (broker.tls, certificate(broker)), "plain.": (broker.sasl, sasl(broker, "PLAIN")),
            "scram256.": (broker.sasl, sasl(broker, "SCRAM-SHA-256")),
            "scram512.": (broker.sasl, sasl(broker, "SCRAM-SHA-512"))}
    feed(broker, ways)
    old = linked_librdkafka() < SCRAM_WORKS
    for prefix, (bootstrap, properties) in ways.items():
        newer = {"env": newer_librdkafka()} if old and prefix.startswith("scram") else {}
        if newer:
            done, took = run(folder, bootstrap, prefix, properties)
            checks.ended(f"{prefix} says which librdkafka it takes", done, [1], "_AUTHENTICATION", "use librdkafka 2.6.1",
                         seconds=5, took=took)
        done, took = run(folder, bootstrap, prefix, properties, **newer)
        checks.ended(f"{prefix} runs to its end", done, [0], took=took)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for prefix, records in zip(ways, pool.map(lambda p: broker.consume(f"{p}counter-events"), ways)):
            checks.check(f"{prefix} counted exactly, as the Java client sees it",
                         counts_are_exact(records, KEYS, RECORDS // KEYS), records[:5])


def those_who_may_not(broker, folder):
    wrong = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "other.key",
                            "-out", folder / "other.pem", "-subj", "/CN=another authority"], capture_output=True)
    assert wrong.returncode == 0
    other = {"ssl.ca.location": folder / "other.pem"}
    without = {name: value for name, value in certificate(broker).items()
               if name in ("security.protocol", "ssl.ca.location")}
    for mechanism in ("PLAIN", "SCRAM-SHA-512"):
        done, took = run(folder, broker.sasl, "bad.", sasl(broker, mechanism, password="a-wrong-secret"))
        checks.ended(f"a wrong password, {mechanism}", done, [1], "cannot list topics", "_AUTHENTICATION",
                     "check sasl.mechanism, sasl.username and sasl.password", seconds=5, took=took)
    done, took = run(folder, broker.tls, "bad.", {**certificate(broker), **other})
    checks.ended("a broker whose certificate is of another authority", done, [1], "certificate verify failed",
                 "ssl.ca.location", seconds=5, took=took)
    done, took = run(folder, broker.tls, "bad.", without)
    checks.ended("no client certificate", done, [1], "ssl.certificate.location", seconds=5, took=took)
    done, took = run(folder, broker.sasl, "bad.", {"security.protocol": "plaintext"})
    checks.ended("a plain client at a TLS port", done, [1], "security.protocol", seconds=SOON, took=took)
    done, took = run(folder, broker.bootstrap, "bad.", certificate(broker))
    checks.ended("a TLS client at a plain port", done, [1], "cannot list topics", seconds=SOON, took=took)
    done, took = run(folder, broker.sasl, "bad.", sasl(broker, "PLAIN", "nobody", "nobody-secret"))
    checks.ended("a user without permissions", done, [1], "bad.", "TOPIC_AUTHORIZATION_FAILED", "grant", seconds=SOON,
                 took=took)


def a_missing_permission(broker, folder):
    """User nobody may do all, except for one thing for each prefix."""
    acls = "org.apache.kafka.tools.AclCommand"
    broker.tool(acls, "--add", "--force", "--allow-principal", "User:nobody", "--operation", "All", "--topic", "*",
                "--group", "*", "--transactional-id", "*", "--cluster")
    cases = {
        "write.": (["--operation", "Write", "--topic", "write.counter-events"], 70,
                   ["write.counter-events", "TOPIC_AUTHORIZATION_FAILED", "grant", "WRITE"]),
        "log.": (["--operation", "Write", "--topic", "log.counter-changelog"], 70,
                 ["log.counter-changelog", "TOPIC_AUTHORIZATION_FAILED", "grant", "WRITE"]),
        "read.": (["--operation", "Read", "--topic", "read.bench-events"], 70,
                  ["read.bench-events", "TOPIC_AUTHORIZATION_FAILED", "grant", "READ"]),
        "group.": (["--operation", "Read", "--group", "group.counter"], 70,
                   ["service counter", "GROUP_AUTHORIZATION_FAILED", "grant"]),
        "txn.": (["--operation", "Write", "--transactional-id", "txn.counter", "--resource-pattern-type", "prefixed"], 70,
                 ["txn.counter", "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "grant"]),
    }
    feed(broker, cases)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda case: broker.tool(acls, "--add", "--force", "--deny-principal", "User:nobody", *case[0]),
                      cases.values()))
    user = sasl(broker, "PLAIN", "nobody", "nobody-secret")
    for prefix, (_, code, texts) in cases.items():
        done, took = run(folder, broker.sasl, prefix, user)
        checks.ended(f"no permission: {prefix}", done, [code], *texts, seconds=SOON, took=took)


def secrets_stay_secret(broker, folder):
    """Also at the most talkative level, and in mistakes of the configuration."""
    feed(broker, ["debug."])
    for mechanism in ("PLAIN", "SCRAM-SHA-256"):
        how = {} if mechanism == "PLAIN" or linked_librdkafka() >= SCRAM_WORKS else {"env": newer_librdkafka()}
        properties = {**sasl(broker, mechanism), "debug": "all", "sasl.oauthbearer.config": "nobody-secret"}
        done, _ = run(folder, broker.sasl, "debug.", properties, "--set", "log.level=trace", **how)
        said = done.stdout + done.stderr
        checks.check(f"all of librdkafka's lines go to the log, {mechanism}",
                     done.returncode == 0 and " debug librdkafka: " in said, said[-2000:])
        checks.check(f"and without secrets, {mechanism}", not any(s in said for s in SECRETS),
                     [line for line in said.splitlines() if any(s in line for s in SECRETS)][:3])
    mistakes = [["kafka.librdkafka.sasl.pasword=eventy-secret"], ["kafka.librdkafk.sasl.password=eventy-secret"],
                ["kafka.librdkafka.ssl.key.password=1.5", "kafka.librdkafka.sasl.password=eventy-secret"],
                ["kafka.librdkafka.sasl.password=eventy-secret", "kafka.librdkafka.security.protocol=sasl"],
                ["kafka.librdkafka.sasl.password=eventy-secret", "kafka.librdkafka.security.protocol=sasl_ssl",
                 "kafka.librdkafka.sasl.mechanism=PLAIN", "kafka.librdkafka.sasl.username=eventy",
                 "kafka.librdkafka.ssl.ca.location=/absent.pem"]]
    for options in mistakes:
        done = counter("check-config", *on_kafka(broker.sasl), *[o for s in options for o in ("--set", s)])
        checks.ended(f"a mistake beside a secret: {options[-1].split('=')[0]}", done, [78])


def main():
    with Broker("--tls") as broker, tempfile.TemporaryDirectory(prefix="kafka_security.") as temporary:
        folder = pathlib.Path(temporary)
        for part in (those_who_may, those_who_may_not, a_missing_permission, secrets_stay_secret):
            if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
                part(broker, folder)
    return checks.end()


sys.exit(main())
