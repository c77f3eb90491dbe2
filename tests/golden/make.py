#!/usr/bin/env python3
"""Writes what this release and its peers write: every kind of golden file, into a folder that `add` can take from.

    tests/golden/make.py FOLDER        needs a build of the preset release, and protoc

Records are given as the protocol's JSON. The tool `eventy` writes them in each format, the Python peer in those that it
has, protoc a generated message, and the Avro library of the peer records of protocol 1 and 2. golden_make writes what goes
through C++ types. What is read must be what was given, so nothing here comes out of a decoder of ours, but for members that
a record of protocol 1 lacks: those must only stay what they are.
"""
import pathlib
import sys

here = pathlib.Path(__file__).resolve().parent
sys.path.append(str(here.parent / "interop"))
import environment

environment.enter()  # what follows is found only there

import base64
import datetime
import io
import json
import os
import subprocess
import tempfile

import avro.datafile
import avro.io
import avro.schema
from eventy.record import Event, Request, Response
from eventy.serialization.avro import AvroSerializer
from eventy.serialization.json import JsonSerializer

BUILD = environment.build
TOOL = pathlib.Path(os.environ.get("EVENTY_BIN_DIR", BUILD / "bin")) / "eventy"
SCHEMAS = here / "schemas"
CLASSES = {"EVENT": Event, "REQUEST": Request, "RESPONSE": Response}


def date(milliseconds):
    at = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(milliseconds=milliseconds)
    return {"date_timestamp": milliseconds, "date_iso8601": at.isoformat()}


def record(kind, namespace, name, number, data, *, key="ann", at=1767315845678, version="1.0.0", context=None, **response):
    return {"type": kind, "namespace": namespace, "name": name, "protocol_version": "3.0.0", "version": version,
            "source": "urn:golden:source", "uuid": f"{number:08x}-8a54-4b52-9d4b-3f1f3c2b1a09",
            "correlation_id": "source:Golden:AAECAwQFBgc", "partition_key": key, **date(at), **response,
            "context": context or {}, "data": data}


def node(depth):
    inner = None
    for level in range(depth):
        inner = {"word": f"level {level}", "next": inner}
    return inner


def answer(**more):
    return {"destination": "urn:golden:web-shop", "request_uuid": "00000002-8a54-4b52-9d4b-3f1f3c2b1a09", "ok": True,
            "error_code": None, "error_message": None, **more}


CONTEXT = {"urn:golden:web-shop": {"null": None, "yes": True, "no": False, "most": 2**63 - 1, "least": -2**63, "real": 0.5,
                                   "text": "é\U0001f600", "": ""}, "urn:golden:empty": {}}
TEXTS = {"": "", "nul": "\0", "quotes": "\"\\/\n", "é": "e\u0301", "\u2028": "\uffff", "\U0010ffff": "x" * 300}
EDGES = {"longs": [0, -1, 63, 64, -64, -65, 2**53 + 1, 2**63 - 1, -2**63], "texts": TEXTS, "node": node(12),
         "reals": [0.0, -0.0, 0.1, 5e-324, 2.2250738585072014e-308, -1.7976931348623157e308, 1e22]}
RECORDS = {
    "event": record("EVENT", "urn:golden:web-shop", "Ordered", 1, {"sku": "a-1", "count": 2, "note": None, "tags": ["x", ""]},
                    version="1.9.0-rc.1+build", context=CONTEXT),
    "request": record("REQUEST", "urn:golden:catalog", "GetPrice", 2, {"sku": "a-1"}, key="é", at=-1),
    "response": record("RESPONSE", "urn:golden:catalog", "Price", 3, {"cents": -450}, key=None, **answer()),
    "refusal": record("RESPONSE", "urn:golden:catalog", "Price", 4, {}, key="",
                      **answer(ok=False, error_code=-409, error_message="no \"a-1\"\n")),
    "edges": record("EVENT", "urn:golden:edges", "Edges", 5, EDGES, at=-62135596800000),
    "far": record("EVENT", "urn:golden:edges", "Edges", 6, {"longs": [], "texts": {}, "node": node(1), "reals": []},
                  at=253402300799000),
}
TYPES = record("EVENT", "urn:golden:types", "Types", 7, {
    "int": -2**31, "long": 2**63 - 1, "float": 0.5, "double": 0.1, "boolean": True, "bytes": "AP9/", "string": "é",
    "null": None, "fixed": "AQIDBA==", "enum": "green", "maps": [{}, {"a": [], "b": [1, -2]}],
    "choices": [None, True, -7, 1.5, "text", {"x": 3}, ["green", "red"]], "point": {"x": -1}, "date": -719162,
    "millis": -1, "micros": 1767315845678901, "uuid": "00000001-8a54-4b52-9d4b-3f1f3c2b1a09", "price": "-1234567.89",
    "total": "0.0001"})
TYPES_OF_PEER = TYPES["data"] | {"bytes": b"\0\xff\x7f", "fixed": b"\1\2\3\4", "total": (1).to_bytes(6, "big"),
                                 "price": (-123456789).to_bytes(4, "big", signed=True)}
PACKED = record("EVENT", "urn:golden:depot", "Packed", 0, {
    "flag": True, "small": -1, "least": -2**63, "most": 2**64 - 1, "real": 0.1, "single": -2.5, "text": "é\U0001f600\"\n",
    "raw": "AP9/", "at": -86400001, "absent": None, "colour": "green", "numbers": [0, -64, 64, 1000000007],
    "labels": {"": "empty name", "é": ""}, "legs": [{"dest": "CDG", "km": 344}, {"dest": "", "km": None}]}, version="1.4.0") | {
        "source": "urn:golden:depot", "uuid": "0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09", "correlation_id": "depot:packed:1"}
CRATE = """
  flag: true int32: -5 sint64: -9223372036854775808 uint64: 18446744073709551615 fixed32: 7 sfixed64: -8 single: -2.5
  real: 0.1 text: "\\303\\251" raw: "\\000\\377" colour: GREEN numbers: [0, -1, 9223372036854775807]
  labels: {key: "", value: "empty name"} floors: {key: -2, value: {dest: "cellar"}} legs: {dest: "CDG" km: 344} legs: {}
  at: {seconds: -1 nanos: 999000000} number: -3"""
CRATE_READS = {
    "flag": True, "int32": -5, "sint64": -2**63, "uint64": 2**64 - 1, "fixed32": 7, "sfixed64": -8, "single": -2.5, "real": 0.1,
    "text": "é", "raw": "AP8=", "colour": "GREEN", "numbers": [0, -1, 2**63 - 1], "labels": {"": "empty name"},
    "floors": {"-2": {"dest": "cellar", "km": None}}, "legs": [{"dest": "CDG", "km": 344}, {"dest": "", "km": None}], "at": -1,
    "absent": None, "name": None, "number": -3}

LETTER = {"eventy-attempts": "1", "eventy-time": "1357000000000"}  # headers
LETTERS = {
    "no_record": {"eventy-reason": "not JSON: Problem while parsing an atom starting with the letter 'n'", "eventy-handler": "",
                  "eventy-error-class": "DecodeError", "eventy-topic": "till-events", "eventy-partition": "0", "eventy-offset": "0"},
    "failed": {"eventy-reason": "a return", "eventy-error-class": "std::runtime_error",
               "eventy-handler": "Sold", "eventy-topic": "till-events", "eventy-partition": "0",
               "eventy-offset": "1"},
    "of_source": {"eventy-reason": "no sum", "eventy-error-class": "SourceError", "eventy-handler": "lines", "eventy-place": "line 3"}}


class Maker:
    def __init__(self, out):
        self.out = out

    def put(self, name, data, reads):
        path = self.out / f"{name}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.reads(name, reads)

    def reads(self, name, value):
        (self.out / f"{name}.json").write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")

    def tool(self, name, records):
        with tempfile.TemporaryDirectory() as folder:
            text = "\n".join(map(json.dumps, records.values()))
            subprocess.run([TOOL, "encode", "--serializer", name, "--schemas", SCHEMAS, "--out", folder], input=text.encode(),
                           check=True)
            for number, (which, value) in enumerate(records.items(), 1):
                self.put(f"{name}/3/{which}", pathlib.Path(folder, f"{number:06}.bin").read_bytes(), value)

    def peer(self, name, serializer, records):
        """Dates are given with an offset. Of the branches of a union that fit, the peer's library takes the last one."""
        for which, value in records.items():
            members = {k: v for k, v in value.items() if k not in ("type", "date_timestamp", "date_iso8601")}
            at = datetime.datetime.fromisoformat(value["date_iso8601"])
            if 1 < at.year < 9999:
                at = at.astimezone(datetime.timezone(datetime.timedelta(hours=-3, minutes=-30)))
            members["data"] = TYPES_OF_PEER if which == "types" else value["data"]
            data = serializer.encode(CLASSES[value["type"]](**members, date=at))
            if which == "types":
                value = value | {"data": value["data"] | {"choices": [None, 1.0, -7.0, *TYPES["data"]["choices"][3:]]}}
            self.put(f"{name}/3/peer_{which}", data, value)

    def lenient(self):
        """JSON that nobody writes so, and that is read."""
        value = record("EVENT", "urn:golden:web-shop", "Ordered", 8, {"n": 1}, key=None)
        text = (' { "data" : {"n":1}, "unknown": [{"a":[]}], "date_iso8601":"2026-01-02T06:34:05.678999+05:30",\r\n\t'
                f'"uuid":"{value["uuid"]}","source":"urn:golden:source","correlation_id":"source:Golden:AAECAwQFBgc",'
                '"name":"\\u004frdered","namespace":"urn:golden:web-shop","type":"EVENT","version":"1.0.0",'
                '"protocol_version":"3.2.1","date_timestamp":5}\n')
        self.put("json/3/lenient", text.encode(), value | {"protocol_version": "3.2.1"})

    def message(self):
        value = record("EVENT", "urn:golden:depot", "Sent", 9, CRATE_READS)
        text = "".join(f"{name}: {json.dumps(value[name])} " for name in (
            "namespace", "name", "protocol_version", "version", "source", "uuid", "correlation_id", "partition_key"))
        text += f"type: EVENT date_timestamp: {value['date_timestamp']} message: {{[type.googleapis.com/golden.Crate] {{{CRATE}}}}}"
        envelope = environment.source / "adapters/protobuf/include"
        data = subprocess.run(["protoc", "--encode=eventy.protobuf.Record", f"-I{envelope}", f"-I{SCHEMAS}",
                               "eventy/protobuf/record.proto", "crate.proto"], input=text.encode(), capture_output=True, check=True)
        self.put("protobuf/3/message", data.stdout, value)

    def legacy(self, name, namespace, schema_name, fields, values, reads):
        """A record of protocol 1 or 2: each field's type and value."""
        schema = {"type": "record", "name": schema_name, "fields": [{"name": n, "type": t} for n, t in fields.items()]}
        if namespace:
            schema["namespace"] = namespace
        data = io.BytesIO()
        with avro.datafile.DataFileWriter(data, avro.io.DatumWriter(), avro.schema.parse(json.dumps(schema))) as writer:
            writer.append(values)
            writer.flush()
            self.put(name, data.getvalue(), reads)

    @staticmethod
    def bare():
        """Uuid and correlation id follow from the bytes, marker included: this is what the first reading gave, and any later
        one must give for the file that is kept. Whoever makes a new file writes them anew."""
        return {"type": "EVENT", "namespace": "urn:unspecified", "name": "Bare", "protocol_version": "3.0.0", "version": "1.0.0",
                "source": "urn:unspecified", "uuid": "", "correlation_id": "", "partition_key": None, **date(0), "context": {},
                "data": {"n": 7}}

    def protocols_1_and_2(self):
        ids = {"uuid": "string", "correlation_id": "string", "partition_key": "string"}
        known = {"uuid": "0000000a-8a54-4b52-9d4b-3f1f3c2b1a09", "correlation_id": "c", "partition_key": "k"}
        now = {"protocol_version": "3.0.0", "context": {}}
        first = {"type": "EVENT", "namespace": "urn:golden:shop", "name": "Sold", "version": "1.0.0", "source": "urn:unspecified"}
        for which, field, kind, value, at in (("timestamp", "timestamp", "long", -1, -1),
                                              ("event_timestamp_ms", "event_timestamp_ms", "long", 5, 5),
                                              ("date_iso", "date_iso", "string", "2026-01-02T06:34:05.678+05:30", 1767315845678)):
            self.legacy(f"avro/1/{which}", "golden.shop", "Sold", ids | {field: kind, "n": "long"}, known | {field: value, "n": 7},
                        first | known | now | date(at) | {"data": {"n": 7}})
        self.legacy("avro/1/source", "urn.golden.shop", "Sold", ids | {"source": "string", "version": "string", "date_timestamp": "long",
                    "choice": ["null", "string", {"type": "array", "items": "long"}]},
                    known | {"source": "golden.shop", "version": "1.2.3", "date_timestamp": 5, "choice": [1, 2]},
                    first | {"source": "urn:golden:shop", "version": "1.2.3"} | known | now | date(5) | {"data": {"choice": [1, 2]}})
        self.legacy("avro/1/bare", "", "Bare", {"n": "int"}, {"n": 7}, self.bare())
        context = {"type": "map", "values": {"type": "map", "values": ["null", "string", "double", "long"]}}
        for kind, number in (("EVENT", "2.0.0"), ("REQUEST", "2.1.0")):
            self.legacy(f"avro/2/{kind.lower()}", "urn.golden.shop", "Sold", ids | {
                "type": {"type": "enum", "name": "RecordType", "symbols": [kind]}, "protocol_version": "string", "version": "string",
                "source": "string", "date_timestamp": "long", "date_iso8601": "string", "context": context,
                "data": {"type": "record", "name": "Sold_data", "fields": [{"name": "cents", "type": "long"}]}, "beside": "string"},
                known | {"type": kind, "protocol_version": number, "version": "2.0.0", "source": "urn:golden:shop",
                         "date_timestamp": 5, "date_iso8601": "1970-01-01T00:00:00.005+00:00", "context": {"urn:a": {"n": 1, "t": "é"}},
                         "data": {"cents": 450}, "beside": "b"},
                first | {"type": kind, "version": "2.0.0", "source": "urn:golden:shop"} | known | now | date(5) | {
                    "context": {"urn:a": {"n": 1, "t": "é"}}, "data": {"cents": 450, "beside": "b"}})

    def typed(self):
        """What golden_make wrote."""
        for name in ("json", "msgpack", "protobuf"):
            self.reads(f"{name}/3/packed", PACKED)
        self.reads("avro/3/packed", PACKED | {"data": PACKED["data"] | {"most": 2**63 - 1}})
        self.reads("state/1/account_1", {"spent": ["4.50"], "orders": 0})
        self.reads("state/1/account_3", {"spent": ["2.00"], "orders": 7})
        self.reads("state/1/account_4", {"spent": ["3.00", "1.50"], "orders": 2})
        self.reads("state/1/crate", PACKED["data"])
        for which, headers in LETTERS.items():
            self.reads(f"dead_letters/1/{which}", LETTER | headers)
        self.reads("changelog/1/key", {"keyspace": "state", "key": "\0é"})
        self.reads("changelog/1/key_of_log_name", {"keyspace": None, "key": None})
        self.reads("changelog/1/log_name", {"incarnation": "0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09", "begun": ["shop-requests", "till-events"]})
        self.reads("changelog/1/position", {"by": "shop-node-1-0", "cycle": "node-1/7/42", "log": "0d6a7d4f", "reached": 1234567890123})
        self.reads("changelog/1/position_of_takeover", {"by": "shop-node-1-0", "cycle": "", "log": "", "reached": 0})


def main(out):
    out.mkdir(parents=True)
    subprocess.run([BUILD / "tests/bin/golden_make", out], check=True)
    maker = Maker(out)
    maker.typed()
    for name in ("json", "msgpack", "protobuf"):
        maker.tool(name, RECORDS)
    maker.tool("avro", RECORDS | {"types": TYPES})
    maker.peer("json", JsonSerializer(), RECORDS)
    maker.peer("avro", AvroSerializer.from_schemas_folder(str(SCHEMAS)), RECORDS | {"types": TYPES})
    maker.lenient()
    maker.message()
    maker.protocols_1_and_2()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
