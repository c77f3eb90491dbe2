"""The Python peer: an application of the package eventy that answers and notes what our services send, and writes
what it is told to on standard input, a JSON object a line. Everything that it has to say is a JSON object a line too:
{"note": …} of each record that a handler got, {"done": …} after a command. Any error ends it with code 1.
"""
import argparse
import concurrent.futures
import datetime
import json
import os
import sys
import threading
import traceback
import uuid

from eventy import config

config.SERVICE_NAME = "peer"  # before the package reads it

from eventy.messaging import EventyApp, Guarantee, Service, handle_event, handle_request, handle_response
from eventy.messaging.confluent_kafka import CKStore
from eventy.record import Event, Request, Response
from eventy.serialization.json import JsonSerializer

import samples
import values

PROTOCOL = "3.0.0"
WRITERS = 8  # threads: each write waits for the broker
output = threading.Lock()


def say(**what):
    with output:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()


def note(record):
    what = {"name": record.name, "type": record.type.value, "uuid": record.uuid, "key": record.partition_key,
            "namespace": record.namespace, "source": record.source, "version": record.version,
            "protocol_version": record.protocol_version, "correlation_id": record.correlation_id,
            "date_ms": values.milliseconds(record.date), "context": values.describe(record.context)}
    if isinstance(record, Response):
        what |= {"destination": record.destination, "request_uuid": record.request_uuid, "ok": record.ok,
                 "error_code": record.error_code, "error_message": record.error_message}
    if "sample" in record.data:
        what |= {"lines": values.describe_sample(record.data["sample"])}
    else:
        what |= {"data": {name: value for name, value in record.data.items() if name != "filler"}}
    say(note=what)


def carried(sample):
    return {"sample": sample, "claim": values.describe_sample(sample)}


def answer(request, name, data, **more):
    members = {"context": request.context, "partition_key": request.partition_key, "data": data} | more
    return Response(protocol_version=PROTOCOL, namespace="urn:peer", name=name, version="1.0.0", source="urn:peer",
                    destination=request.source, request_uuid=request.uuid, **members)


@handle_request("Judge")
def judge(record):
    """Odd numbers lose their context on the way, as nothing in the package keeps it."""
    note(record)
    number = record.data["sample"]["number"]
    context = {} if number % 2 else record.context
    if number in samples.REFUSALS:
        code, message = samples.REFUSALS[number]
        yield answer(record, "Judged", {}, context=context, ok=False, error_code=code, error_message=message)
    else:
        yield answer(record, "Judged", carried(samples.SAMPLES[number % len(samples.SAMPLES)]), context=context)


@handle_request("Ask")
def asked(record):
    """Some answers lose their context, some their key."""
    note(record)
    number = record.data["n"]
    more = {}
    if number % 50 == 7:
        more["context"] = {}
    if number % 50 == 8:
        more["partition_key"] = None
    yield answer(record, "Answered", {"n": number}, **more)


EVENTS = {"interop": ("Offered", "Echoed", "Chunk"), "keeper": ("Kept", "Settled")}
RESPONSES = {"interop": ("Described", "Found")}


def handlers():
    """One of each guarantee: the note of a record must be there once all the same."""
    guarantees = [Guarantee.EXACTLY_ONCE, Guarantee.AT_LEAST_ONCE, Guarantee.AT_MOST_ONCE]
    found = [judge, asked]
    for service, names in EVENTS.items():
        found += [handle_event(service, name, guarantees[i])(note) for i, name in enumerate(names)]
    for service, names in RESPONSES.items():
        found += [handle_response(service, name, guarantees[i])(note) for i, name in enumerate(names)]
    return found


class Peer:
    def __init__(self, options):
        self.options = options
        self.own = self.service("peer")
        self.app = EventyApp(self.store("peer"), self.own, [self.service(name) for name in ("interop", "keeper")],
                             handlers=handlers(), read_batch_size=100, read_timeout_ms=50)

    def service(self, name):
        plain = Service(name)
        topics = [self.options.prefix + topic
                  for topic in (plain.event_topic, plain.request_topic, plain.response_topic)]
        return Service(name, None, *topics)

    def store(self, name):
        return CKStore(JsonSerializer(), [self.options.bootstrap], group_id=self.options.prefix + name,
                       transactional_id=self.options.prefix + name,
                       extra_immediate_producer_config={"linger.ms": 0},
                       extra_transactional_producer_config={"linger.ms": 0})

    def event(self, name, data, **more):
        members = {"protocol_version": PROTOCOL, "namespace": "urn:peer", "name": name, "version": "1.0.0",
                   "source": "urn:peer", "data": data} | more
        return Event(**members)

    def request(self, name, data, **more):
        return Request(protocol_version=PROTOCOL, namespace="urn:interop", name=name, version="1.0.0",
                       source="urn:peer", data=data, **more)

    def write_all(self, records):
        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(self.app.write_store.write, records))

    def do_samples(self):
        """Every sample with every context as event and as request, with keys and without."""
        records = []
        for i, sample in enumerate(samples.SAMPLES):
            for j, context in enumerate(samples.CONTEXTS):
                date = datetime.datetime.fromisoformat(f"20{10 + i}-0{1 + j}-03T04:05:06.{i * 100 + j * 37:03}+02:00")
                more = {"context": context, "partition_key": None if j == 2 else f"sample-{i}", "date": date}
                if i % 2:
                    more["correlation_id"] = f"chain é {i}/{j}"
                records.append(self.event("Sampled", carried(sample), version="1.9.0-rc.1+build", **more))
                records.append(self.request("Describe", carried(sample), **more))
        refused = {**samples.SAMPLES[0], "number": samples.TO_REFUSE}
        records.append(self.request("Describe", carried(refused), partition_key="refused"))
        self.write_all(records)

    def do_keys(self, count, seed):
        keys = samples.odd_keys(count, seed)
        self.write_all([self.event("Keyed", {"n": n}, partition_key=key) for n, key in enumerate(keys)])
        self.write_all([self.request("Lookup", {"n": n}, partition_key=key) for n, key in enumerate(keys)])

    def do_keyless(self):
        for key in (None, ""):
            self.write_all([self.event("Keyed", {"n": -1}, partition_key=key)])

    def do_strange(self):
        """What a reader of the protocol cannot take, each for a reason of its own, which its key names."""
        uuid_v1 = "c232ab00-9414-11ec-b3c8-9f68deced846"
        listed = {"urn:peer": {"list": [1]}}
        events = {"protocol": {"protocol_version": "4.0.0"}, "version": {"version": "2.0.0"}, "uuid": {"uuid": uuid_v1},
                  "context": {"context": listed}, "nan": {"data": {"n": 1, "real": float("nan")}},
                  "large": {"data": {"n": 2**64}}, "type": {"data": {"n": "one"}}}
        records = [self.event("Keyed", more.pop("data", {"n": 1}), partition_key="strange/" + reason, **more)
                   for reason, more in events.items()]
        records.append(self.request("Lookup", {"n": 1, "half": "\ud800"}, partition_key="strange/half"))
        for name, destination in (("Judged", "urn:interop"), ("Answered", "urn:keeper")):
            records.append(Response(protocol_version=PROTOCOL, namespace="urn:peer", name=name, version="1.0.0",
                                    source="urn:peer", destination=destination, request_uuid=str(uuid.uuid4()),
                                    context=listed, partition_key="strange/" + name, data={"n": 1}))
        self.write_all(records)

    def do_transactions(self):
        """Events of a transaction that is aborted, then of one that is committed."""
        store = self.store("peer-transactions")
        store.initialize()
        for verdict, n in ((store.abort, -100), (store.commit, -200)):
            store.start_transaction()
            for i in range(20):
                store.write(self.event("Keyed", {"n": n - i}, partition_key=f"transaction-{i}"), self.own.event_topic)
            verdict()
        store.close()

    def do_burst(self, chunks, bytes):
        self.write_all([self.event("Bursted", {"chunks": chunks, "bytes": bytes}, partition_key="burst")])

    def do_probe(self, n):
        self.write_all([self.event("Keyed", {"n": n}, partition_key="probe")])

    def ended(self, error):
        if error is not None:
            say(failed="".join(traceback.format_exception(error)))
        sys.stdout.flush()
        os._exit(1 if error is not None else 0)

    def run(self):
        self.app.run(self.ended)
        say(done="start")
        for line in sys.stdin:
            command = json.loads(line)
            name = command.pop("do")
            getattr(self, "do_" + name)(**command)
            say(done=name)
        self.app.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--prefix", default="")
    try:
        Peer(parser.parse_args()).run()
        threading.Event().wait()  # for the application's end
    except BaseException:
        say(failed=traceback.format_exc())
        os._exit(1)
