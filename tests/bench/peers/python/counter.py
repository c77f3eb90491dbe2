"""The counter on the Python implementation: exactly once, one transaction a batch, its counts in memory. Ends on SIGTERM.
usage: counter.py BOOTSTRAP IN OUT GROUP BATCH
"""
import os
import signal
import sys

from eventy import config

config.SERVICE_NAME = "counter"  # before the package reads it

from eventy.messaging import EventyApp, Guarantee, Service, handle_event
from eventy.messaging.confluent_kafka import CKStore
from eventy.record import Event
from eventy.serialization.json import JsonSerializer

PARTIAL_BATCH_MS = 50  # the last batch is not full
counts = {}


@handle_event("bench", "Clicked", Guarantee.EXACTLY_ONCE)
def clicked(record):
    key = record.partition_key
    counts[key] = counts.get(key, 0) + 1
    yield Event(protocol_version="3.0.0", namespace="urn:counter", name="Counted", version="1.0.0", source="urn:counter",
                correlation_id=record.correlation_id, partition_key=key, context=record.context,
                data={"key": key, "count": counts[key]})


def main():
    bootstrap, events, out, group, batch = sys.argv[1:]
    store = CKStore(JsonSerializer(), [bootstrap], group_id=group, transactional_id=group,
                    extra_transactional_producer_config={"linger.ms": 0})
    app = EventyApp(store, Service("counter", None, out, out, out), [Service("bench", None, events, events, events)],
                    handlers=[clicked], read_batch_size=int(batch), read_timeout_ms=PARTIAL_BATCH_MS)
    signal.signal(signal.SIGTERM, lambda *_: app.cancel())
    app.run_until_cancelled()
    os._exit(0)  # the package's threads go on otherwise


if __name__ == "__main__":
    main()
