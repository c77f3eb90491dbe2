#!/usr/bin/env python3
"""`eventy schema check` on files and folders: what it prints, and its exit codes."""

import os
import pathlib
import subprocess
import tempfile
import unittest

TOOL = pathlib.Path(os.environ["EVENTY_BIN_DIR"]) / "eventy"
HEAD = "protocol_version: 3.0.0\nnamespace: urn:my-shop\nname: {}\ntype: event\ndata_fields:\n"


def run(*arguments):
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def has_avro():
    return "avro" in run("decode", "--help").stdout.split("Format of the records: ")[1].splitlines()[0]


@unittest.skipUnless(has_avro(), "this build has no Avro")
class SchemaCheck(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def schema(self, place, *fields, name="Placed"):
        path = self.folder / place / f"{name}.evsc.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD.format(name) + "".join(f"  - {field}\n" for field in fields))
        return path

    def check(self, older, newer):
        done = run("schema", "check", older, newer)
        return done.returncode, done.stdout.splitlines(), done.stderr

    def test_what_a_minor_version_may_change_is_ok(self):
        old = self.schema("old/deep", "{name: n, type: int}", '{name: gone, type: ["null", string]}')
        new = self.schema("new", "{name: n, type: long}", "{name: extra, type: string, default: x}")
        self.schema("new", name="Paid")
        place = "EVENT urn:my-shop:Placed: data."
        said = [f"ok {place}n: was an integer of 32 bits and is an integer of 64 bits: older programs read the values that fit",
                f"ok {place}gone: is gone: older programs read it as absent, newer ones ignore it",
                f"ok {place}extra: is new: it may be absent, and older programs ignore it"]
        self.assertEqual(self.check(old, new), (0, said, ""))
        self.assertEqual(self.check(self.folder / "old", self.folder / "new"), (0, ["ok EVENT urn:my-shop:Paid: is new"] + said, ""))
        self.assertEqual(self.check(old, old), (0, [], ""))

    def test_findings_that_cannot_be_written_are_no_verdict(self):
        old, new = self.schema("old", "{name: n, type: int}"), self.schema("new", "{name: n, type: long}")
        with open("/dev/full", "w") as full:
            done = subprocess.run([TOOL, "schema", "check", old, new], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("No space left", done.stderr)

    def test_what_needs_a_major_version_is_an_error_that_names_the_place(self):
        old = self.schema("old", "{name: legs, type: {type: array, items: {type: record, name: Leg, fields: []}}}",
                          "{name: colour, type: {type: enum, name: C, symbols: [red]}}", "{name: when, type: {type: long, logicalType: timestamp-millis}}")
        new = self.schema("new", "{name: legs, type: {type: array, items: {type: record, name: Leg, fields: [{name: km, type: int}]}}}",
                          "{name: colour, type: {type: enum, name: C, symbols: [red, blue]}}", "{name: when, type: long}")
        code, said, _ = self.check(old, new)
        self.assertEqual(code, 1)
        place = "ERROR EVENT urn:my-shop:Placed: data."
        self.assertEqual(said, [f"{place}legs[].km: is new and required: older records lack it",
                                f"{place}colour: symbol blue is new: older programs do not know it",
                                f"{place}when: was an instant and is an integer of 64 bits: neither is read as the other"])

    def test_bytes_and_decimals_of_another_size_are_errors(self):
        fixed, decimal = "{{name: hash, type: {{type: fixed, name: H, size: {}}}}}", "{{name: sum, type: {{type: bytes, logicalType: decimal, precision: 9, scale: {}}}}}"
        old, new = self.schema("old", fixed.format(16), decimal.format(2)), self.schema("new", fixed.format(20), decimal.format(3))
        code, said, _ = self.check(old, new)
        place = "ERROR EVENT urn:my-shop:Placed: data."
        self.assertEqual((code, said), (1, [
            f"{place}hash: was 16 bytes and is 20 bytes: neither is read as the other",
            f"{place}sum: was a decimal of 9 digits, 2 of them after the point and is a decimal of 9 digits, 3 of them after"
            " the point: neither is read as the other"]))

    def test_a_type_within_itself_is_compared_once(self):
        tree = "{{name: tree, type: {{type: record, name: T, fields: [{{name: n, type: {}}}, {{name: kids, type: {{type: array, items: T}}}}]}}}}"
        old, new = self.schema("old", tree.format("int")), self.schema("new", tree.format("string"))
        self.assertEqual(self.check(old, old), (0, [], ""))
        code, said, _ = self.check(old, new)
        self.assertEqual((code, len(said)), (1, 1))
        self.assertIn("data.tree.n: was an integer of 32 bits and is text", said[0])

    def test_what_cannot_be_read_is_a_mistake_that_is_named(self):
        good = self.schema("old", "{name: n, type: int}")
        bad = self.schema("bad", "{name: n, type: nonsense}")
        (self.folder / "empty").mkdir()
        for other, name in ((bad, "Placed.evsc.yaml"), (self.folder / "absent", "absent"), (self.folder / "empty", "empty")):
            code, said, complaint = self.check(good, other)
            self.assertEqual((code, said), (2, []))
            self.assertIn(name, complaint)
        self.assertEqual(run("schema", "check", good).returncode, 2)


if __name__ == "__main__":
    unittest.main()
