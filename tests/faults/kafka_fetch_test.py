#!/usr/bin/env python3
# ctest: KAFKA TIMEOUT 120
"""A consumer whose queue is full again and again goes on as soon as there is room: librdkafka alone waits up to a second
each time."""
import os
import pathlib
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import own_broker  # noqa: E402

RECORDS, QUEUED, FETCHED = 200_000, 1000, 50_000  # so that a partition takes many fetches of a queueful each
MOST_SECONDS, MOST_TIMES = 12, 8  # or so many times as long as with a large queue, where the machine is busy

checks = own_broker.Checks()


def seconds_with(name, folder, *settings):
    """How long a counter takes for the records, in topics of its own."""
    on = own_broker.on_kafka(os.environ.get("EVENTY_KAFKA", "127.0.0.1:19092"), f"{folder.name}-{name}-")
    fed = own_broker.counter("feed", *on, "--records", str(RECORDS), "--keys", "100")
    checks.check("the records are there", fed.returncode == 0, fed.stderr)
    began = time.monotonic()
    ran = own_broker.counter("run", *on, "--data", folder / name, "--until-idle", *settings)
    took = time.monotonic() - began
    checks.check("and are handled", ran.returncode == 0, ran.stderr)
    return took


with tempfile.TemporaryDirectory(prefix="eventy-kafka-fetch-") as place:
    large = seconds_with("large", pathlib.Path(place))
    small = seconds_with("small", pathlib.Path(place), "--set", f"kafka.librdkafka.queued.min.messages={QUEUED}",
                         "--set", f"kafka.librdkafka.fetch.message.max.bytes={FETCHED}")
    most = max(MOST_SECONDS, MOST_TIMES * large)
    checks.check(f"within {most:.0f} s", small < most, f"{small:.1f} s")
    print(f"{small:.1f} s; with a large queue {large:.1f} s")
sys.exit(checks.end())
