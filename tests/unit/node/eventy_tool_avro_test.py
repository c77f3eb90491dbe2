#!/usr/bin/env python3
"""The tool `eventy` on Avro, which has schemas. The record that is read is put together here, field by field."""

import json
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

TOOL = pathlib.Path(os.environ["EVENTY_BIN_DIR"]) / "eventy"

EVSC = """\
protocol_version: 3.0.0
namespace: urn:my-shop:orders
name: Placed
type: event
doc: an order
data_fields:
  - {name: n, type: long}
  - {name: price, type: ["null", double]}
  - {name: items, type: {type: array, items: string}}
"""
RECORD = {
    "type": "EVENT", "namespace": "urn:my-shop:orders", "name": "Placed", "protocol_version": "3.0.0",
    "version": "1.2.0", "source": "urn:my-shop", "uuid": "0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09",
    "correlation_id": "shop:Placed:x", "partition_key": "é", "date_timestamp": 1767315845678,
    "date_iso8601": "2026-01-02T01:04:05.678000+00:00", "context": {"urn:web": {"user": "ü", "n": 3}},
    "data": {"n": -7, "price": 1.5, "items": ["a", "b"]}}
CONTEXT_VALUE = ["string", "double", "float", "long", "int", "boolean", "null"]
SCHEMA = {
    "type": "record", "namespace": "my_shop.orders", "name": "Placed", "fields": [
        {"name": "record_namespace", "type": "string"}, {"name": "record_name", "type": "string"},
        {"name": "type", "type": {"type": "enum", "name": "RecordType", "symbols": ["EVENT"]}},
        {"name": "protocol_version", "type": "string"}, {"name": "version", "type": "string"},
        {"name": "source", "type": "string"}, {"name": "uuid", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "correlation_id", "type": "string"}, {"name": "partition_key", "type": ["string", "null"]},
        {"name": "date_timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "date_iso8601", "type": "string"},
        {"name": "context", "type": {"type": "map", "values": {"type": "map", "values": CONTEXT_VALUE}}},
        {"name": "data", "type": {"type": "record", "name": "Placed_data", "fields": [
            {"name": "n", "type": "long"}, {"name": "price", "type": ["null", "double"]},
            {"name": "items", "type": {"type": "array", "items": "string"}}]}}]}


def number(value):
    rest, out = value << 1 ^ value >> 63, b""
    while rest >= 0x80:
        out, rest = out + bytes([rest & 0x7f | 0x80]), rest >> 7
    return out + bytes([rest])


def text(value):
    raw = value.encode()
    return number(len(raw)) + raw


def datum(record):
    out = b"".join([text(record["namespace"]), text(record["name"]), number(0),
                    *(text(record[name]) for name in ("protocol_version", "version", "source", "uuid", "correlation_id")),
                    number(0), text(record["partition_key"]), number(record["date_timestamp"]),
                    text(record["date_iso8601"])])
    out += number(1) + text("urn:web") + number(2)
    out += text("user") + number(0) + text("ü") + text("n") + number(4) + number(3) + number(0) + number(0)
    data = record["data"]
    out += number(data["n"]) + number(1) + struct.pack("<d", data["price"])
    return out + number(len(data["items"])) + b"".join(map(text, data["items"])) + number(0)


def container(record):
    marker, body = bytes(range(16)), datum(record)
    return (b"Obj\x01" + number(2) + text("avro.codec") + text("null") + text("avro.schema") + text(json.dumps(SCHEMA)) +
            number(0) + marker + number(1) + number(len(body)) + body + marker)


def run(*arguments, stdin=""):
    return subprocess.run([TOOL, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=60)


def has_avro():
    return "avro" in run("decode", "--help").stdout.split("Format of the records: ")[1].splitlines()[0]


@unittest.skipUnless(has_avro(), "this build has no Avro")
class Avro(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.schemas = self.folder / "schemas" / "orders"
        self.schemas.mkdir(parents=True)
        (self.schemas / "placed.evsc.yaml").write_text(EVSC)
        self.out = self.folder / "out"

    def encode(self, *records):
        return run("encode", "--serializer", "avro", "--schemas", self.schemas.parent, "--out", self.out,
                   stdin="\n".join(json.dumps(record) for record in records))

    def decode(self, *arguments, serializer="avro"):
        done = run("decode", "--serializer", serializer, *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_a_record_is_read_by_the_schema_inside_it(self):
        path = self.folder / "placed.avro"
        path.write_bytes(container(RECORD))
        self.assertEqual(self.decode(path), [RECORD])
        self.assertEqual(self.decode("--schemas", self.schemas, path), [RECORD])

    def test_a_record_is_written_by_its_schema_and_comes_back(self):
        done = self.encode(RECORD)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        path = self.out / "000001.bin"
        self.assertTrue(path.read_bytes().startswith(b"Obj\x01"))
        # All that is before the context, whose integers are written as wide as ours are, is as above.
        head = datum(RECORD).split(number(1) + text("urn:web"))[0]
        self.assertIn(head, path.read_bytes())
        self.assertEqual(self.decode(path), [RECORD])

    def test_avro_is_told_from_other_formats_by_its_first_byte(self):
        self.encode(RECORD)
        other = self.folder / "other.json"
        other.write_text(json.dumps(RECORD))
        both = self.decode(self.out / "000001.bin", other, serializer="avro, json")
        self.assertEqual(both, [RECORD, RECORD])

    def test_what_does_not_fit_the_schema_names_line_and_path(self):
        wrong = RECORD | {"data": RECORD["data"] | {"items": ["a", 1]}}
        unknown = RECORD | {"name": "Paid"}
        done = self.encode(wrong, unknown, RECORD)
        self.assertEqual(done.returncode, 1)
        self.assertEqual([path.name for path in self.out.iterdir()], ["000003.bin"])
        said = done.stderr.splitlines()
        self.assertEqual(len(said), 2)
        self.assertIn("line 1: data.items[1]: ", said[0])
        self.assertIn("line 2: there is no Avro schema for urn:my-shop:orders:Paid", said[1])

    def test_a_folder_of_schemas_that_cannot_be_read_is_a_mistake_that_is_named(self):
        (self.schemas / "bad.evsc.yaml").write_text("name: [")
        done = self.encode(RECORD)
        self.assertEqual(done.returncode, 2)
        self.assertIn("bad.evsc.yaml", done.stderr)
        done = run("decode", "--serializer", "avro", "--schemas", self.folder / "absent", self.folder)
        self.assertEqual(done.returncode, 2)
        self.assertIn("absent", done.stderr)


if __name__ == "__main__":
    unittest.main()
