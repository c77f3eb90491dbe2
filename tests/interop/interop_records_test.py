#!/usr/bin/env python3
# ctest: TIMEOUT 300
"""10,000 drawn records of the Python peer are read by the tool `eventy`, and 10,000 of the tool by the peer, in JSON and as
many in Avro.

    SEED=1 COUNT=10000 tests/interop/interop_records_test.py     COUNT records for each format and direction
"""
import environment

environment.enter()  # what follows is found only there

import collections
import copy
import datetime
import decimal
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

from eventy.record import Event, Request, Response
from eventy.serialization.avro import AvroSerializer
from eventy.serialization.errors import SerializationError
from eventy.serialization.json import JsonSerializer

import generated
import values

TOOL = pathlib.Path(os.environ.get("EVENTY_BIN_DIR", environment.build / "bin")) / "eventy"
SEED = int(os.environ.get("SEED", random.SystemRandom().getrandbits(32)))
COUNT = int(os.environ.get("COUNT", 10_000))
CLASSES = {"EVENT": Event, "REQUEST": Request, "RESPONSE": Response}


def peer_record(record, offset=datetime.timedelta(), microseconds=0):
    """The peer's own object. It keeps dates in UTC and whole milliseconds; what is put in behind its back it writes."""
    members = {name: value for name, value in record.items() if name not in ("type", "date_timestamp", "date_iso8601")}
    made = CLASSES[record["type"]](**members, date=datetime.datetime.fromisoformat(record["date_iso8601"]))
    if made.date >= values.EPOCH:  # before, the peer cuts off towards 1970 when it reads, and we towards the past
        made._date += datetime.timedelta(microseconds=microseconds)
    if 1 < made.date.year < 9999:  # at the calendar's ends Python has no date with an offset
        made._date = made.date.astimezone(datetime.timezone(offset))
    return made


class Clocks:
    """How a date is spelled: an offset from UTC, of minutes, some of seconds, and digits beyond the millisecond."""

    def __init__(self):
        self.random = random.Random(SEED)

    def draw(self):
        seconds = self.random.choice((0, 60, 60, 60, 1)) * self.random.randint(-1439, 1439)
        return datetime.timedelta(seconds=seconds), self.random.choice((0, 1, 999))


def for_peer(name, record):
    return record | {"data": generated.to_peers_avro(record["data"])} if name == "avro" else record


def of_peer(name, record):
    """The peer's object as the protocol's JSON, without either side's serializer."""
    names = ["namespace", "name", "protocol_version", "version", "source", "uuid", "correlation_id", "partition_key"]
    if isinstance(record, Response):
        names += ["destination", "request_uuid", "ok", "error_code", "error_message"]
    names += ["context", "data"]
    found = {"type": record.type.value, "date_timestamp": values.milliseconds(record.date),
             "date_iso8601": record.date.isoformat(), **{name: getattr(record, name) for name in names}}
    return found | {"data": generated.of_peers_avro(found["data"])} if name == "avro" else found


def spelled(value):
    """With types and bits: Python's own == takes 1, 1.0 and True for the same, and JSON does not."""
    return json.dumps(value, sort_keys=True)


def differences(found, wanted):
    """Every value that differs, as sorted lines."""
    if spelled(found) == spelled(wanted):
        return []
    return sorted(set(values.describe(found)) ^ set(values.describe(wanted)))


class Records(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.schemas = cls.folder / "schemas"
        cls.schemas.mkdir()
        for kind in generated.KINDS:
            (cls.schemas / f"{kind}.evsc.yaml").write_text(generated.schema(kind))
        draw = generated.Draw(SEED)
        cls.records = [draw.record() for _ in range(COUNT)]
        print(f"SEED={SEED}", collections.Counter(r["type"] for r in cls.records), "avoided:", draw.avoided, flush=True)
        cls.peers = {"json": JsonSerializer(), "avro": AvroSerializer.from_schemas_folder(str(cls.schemas))}

    def tool(self, *arguments, **options):
        done = subprocess.run([TOOL, *arguments], cwd=self.folder, capture_output=True, timeout=200, **options)
        self.assertEqual((done.returncode, done.stderr[-2000:]), (0, b""))
        return done.stdout

    def same(self, found):
        self.assertEqual(len(found), COUNT)
        for number, (one, wanted) in enumerate(zip(found, self.records)):
            self.assertEqual(differences(one, wanted)[:6], [], f"record {number} of SEED={SEED}")

    def peer_to_tool(self, name):
        folder = self.folder / f"{name}-peer"
        folder.mkdir()
        clocks = Clocks()
        for number, record in enumerate(self.records):
            data = self.peers[name].encode(peer_record(for_peer(name, record), *clocks.draw()))
            (folder / f"{number:06}").write_bytes(data)
        lines = []
        for start in range(0, COUNT, 1000):
            files = [f"{name}-peer/{n:06}" for n in range(start, min(start + 1000, COUNT))]
            lines += self.tool("decode", "--serializer", name, *files).splitlines()
        self.same([json.loads(line) for line in lines])

    def tool_to_peer(self, name):
        text = "\n".join(map(json.dumps, self.records)).encode()
        self.tool("encode", "--serializer", name, "--schemas", "schemas", "--out", f"{name}-ours", input=text)
        files = sorted((self.folder / f"{name}-ours").iterdir())
        self.same([of_peer(name, self.peers[name].decode(path.read_bytes())) for path in files])

    def test_json_of_the_peer_is_read_here(self):
        self.peer_to_tool("json")

    def test_avro_of_the_peer_is_read_here(self):
        self.peer_to_tool("avro")

    def test_our_json_is_read_by_the_peer(self):
        self.tool_to_peer("json")

    def test_our_avro_is_read_by_the_peer(self):
        self.tool_to_peer("avro")

    def test_our_avro_has_the_bytes_of_the_peer(self):
        """But for the marker, which the peer draws, and contexts, whose numbers are written wider here."""
        plain = [record | {"context": {}} for record in self.records[:1000]]
        text = "\n".join(map(json.dumps, plain)).encode()
        self.tool("encode", "--serializer", "avro", "--schemas", "schemas", "--out", "avro-plain", input=text)
        files = sorted((self.folder / "avro-plain").iterdir())
        self.assertEqual(len(files), len(plain))
        for number, (path, record) in enumerate(zip(files, plain)):
            theirs = self.peers["avro"].encode(peer_record(for_peer("avro", record)))
            ours = path.read_bytes()
            self.assertEqual(ours.replace(ours[-16:], b"marker"), theirs.replace(theirs[-16:], b"marker"), number)

    def test_what_the_peer_cannot_write(self):
        """So it is not drawn: types that JSON has not; in Avro objects of logical types, which go as their bytes and numbers,
        integers beyond 64 bits and, in contexts, reals beyond 32."""
        record = next(r for r in self.records if r["data"])
        for name, place, value, error in (
                ("json", "data", {"raw": b"x"}, TypeError), ("json", "data", {"price": decimal.Decimal(1)}, TypeError),
                ("avro", "data", {"price": decimal.Decimal(1)}, SerializationError), ("avro", "data", {"n": 2**63}, SerializationError),
                ("avro", "data", {"day": datetime.date(2026, 1, 2)}, SerializationError),
                ("avro", "data", {"millis": values.EPOCH}, SerializationError),
                ("avro", "context", {"urn:a": {"real": 1e39}}, OverflowError)):
            with self.subTest(name=name, value=value), self.assertRaises(error):
                wrong = for_peer(name, record)
                self.peers[name].encode(peer_record(wrong | {place: wrong[place] | value}))

    def test_one_flipped_field_is_found(self):
        drawn = next(r for r in self.records if r["data"])
        record = drawn | {"data": drawn["data"] | {"single": 1.5, "raw": "AQ==", "text": "other"}}
        for change in ({"n": float(record["data"]["n"])}, {"single": 7.25}, {"raw": "AAA="}, {"flag": int(record["data"]["flag"])}, {"text": "other\u200b"}):
            self.assertTrue(differences(record | {"data": record["data"] | change}, record), change)
        self.assertTrue(differences(record | {"date_timestamp": record["date_timestamp"] + 1}, record))
        self.assertEqual(differences(copy.deepcopy(record), record), [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
