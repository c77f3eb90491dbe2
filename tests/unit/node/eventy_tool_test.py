#!/usr/bin/env python3
"""The tool `eventy`, run as a program."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

TOOL = pathlib.Path(os.environ["EVENTY_BIN_DIR"]) / "eventy"

RECORD = {
    "type": "EVENT", "namespace": "urn:shop", "name": "Placed", "protocol_version": "3.0.0", "version": "1.2.0",
    "source": "urn:shop", "uuid": "0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09", "correlation_id": "shop:Placed:x",
    "partition_key": "é", "date_timestamp": 1767315845678, "date_iso8601": "2026-01-02T01:04:05.678000+00:00",
    "context": {"urn:shop": {"a": 1, "b": None, "c": "ü"}},
    "data": {"n": 7, "list": [1.5, "x", {"y": True}], "big": 18446744073709551615, "none": None}}
RESPONSE = RECORD | {
    "type": "RESPONSE", "destination": "urn:web", "request_uuid": "11111111-2222-4333-8444-555555555555", "ok": False,
    "error_code": 409, "error_message": "full", "data": {}}


def line(record):
    return json.dumps(record, ensure_ascii=False)


def run(*arguments, stdin=""):
    return subprocess.run([TOOL, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=60)


def serializers():
    """Those of this build that carry any data without schemas."""
    known = run("decode", "--help").stdout.split("Format of the records: ")[1].splitlines()[0].split(", ")
    return [name.strip() for name in known if name.strip() != "avro"]


class Tool(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def test_records_come_back_in_the_order_given(self):
        self.assertIn("msgpack", serializers())
        lines = [line(RECORD | {"data": {"n": n}}) for n in range(20)] + [line(RESPONSE), line(RECORD)]
        for name in serializers():
            with self.subTest(name):
                out = self.folder / name
                done = run("encode", "--serializer", name, "--out", out, stdin="\n".join(lines))
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
                files = sorted(out.iterdir(), reverse=True)
                self.assertEqual([f.name for f in files][-2:], ["000002.bin", "000001.bin"])
                done = run("decode", "--serializer", name, *files)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertEqual([json.loads(text) for text in done.stdout.splitlines()],
                                 [json.loads(text) for text in reversed(lines)])

    def test_json_files_hold_a_record_a_line(self):
        path = self.write("records.jsonl", f"{line(RECORD)}\n\n{line(RESPONSE)}\n")
        done = run("decode", "--serializer", "json", path, path)
        self.assertEqual(done.returncode, 0)
        self.assertEqual([json.loads(text) for text in done.stdout.splitlines()], [RECORD, RESPONSE] * 2)

    def test_a_bad_record_is_named_and_the_others_go_on(self):
        deep = RECORD | {"context": {"urn:shop": {"a": [1]}}}
        path = self.write("records.jsonl", "\n".join([line(RECORD), "{", line(RECORD | {"uuid": "x"}), line(deep),
                                                      line(RECORD)]))
        done = run("decode", "--serializer", "json", path)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stdout.splitlines()), 2)
        said = done.stderr.splitlines()
        self.assertEqual(len(said), 3)
        self.assertIn(f"{path}:2: not JSON", said[0])
        self.assertIn(f"{path}:3: uuid: must be a UUID", said[1])
        self.assertIn(f"{path}:4: context.urn:shop.a: ", said[2])

    def test_an_error_in_the_data_names_its_path(self):
        text = line(RECORD).replace('{"y": true}', '{"y": {"z": 1, "z": 2}}')
        done = run("decode", "--serializer", "json", self.write("twice.json", text))
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("twice.json:1: data.list[2].y.z: this member occurs twice", done.stderr)

    def test_a_value_that_json_cannot_say_names_its_path(self):
        out = self.folder / "out"
        self.assertEqual(run("encode", "--serializer", "msgpack", "--out", out, stdin=line(RECORD)).returncode, 0)
        path = out / "000001.bin"
        one_and_a_half, not_a_number = bytes.fromhex("cb3ff8000000000000"), bytes.fromhex("cb7ff8000000000000")
        self.assertIn(one_and_a_half, path.read_bytes())
        path.write_bytes(path.read_bytes().replace(one_and_a_half, not_a_number))
        done = run("decode", "--serializer", "msgpack", path)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn(f"{path}: data.list[0]: JSON has no number for NaN", done.stderr)

    def test_a_file_that_cannot_be_read_is_named_and_the_others_go_on(self):
        good = self.write("good.json", line(RECORD))
        done = run("decode", "--serializer", "json", self.folder / "absent", self.folder, good)
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (1, 1))
        self.assertIn("absent: No such file", done.stderr)
        self.assertIn(f"{self.folder}: Is a directory", done.stderr)

    def test_bytes_left_over_are_an_error(self):
        out = self.folder / "out"
        for name in serializers():
            with self.subTest(name):
                run("encode", "--serializer", name, "--out", out, stdin=line(RECORD))
                path = out / "000001.bin"
                path.write_bytes(path.read_bytes() + b"}")
                done = run("decode", "--serializer", name, path)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn(f"{path}: " if name != "json" else f"{path}:1: ", done.stderr)

    def test_a_bad_line_is_named_and_the_others_keep_their_numbers(self):
        out = self.folder / "deep" / "out"
        done = run("encode", "--serializer", "msgpack", "--out", out,
                   stdin="\n".join([line(RECORD), '{"type": 1}', "", line(RECORD)]))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(sorted(f.name for f in out.iterdir()), ["000001.bin", "000004.bin"])
        self.assertIn("line 2: type: must be text", done.stderr)

    def test_several_formats_are_told_apart_by_their_first_byte(self):
        out = self.folder / "out"
        files = []
        for name in serializers():
            run("encode", "--serializer", name, "--out", out / name, stdin=line(RECORD))
            files.append(out / name / "000001.bin")
        done = run("decode", "--serializer", ", ".join(serializers()), *files)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual([json.loads(text) for text in done.stdout.splitlines()], [RECORD] * len(files))

    def test_mistakes_on_the_command_line_are_said(self):
        done = run("decode", "--serializer", "msgpak", "x")
        self.assertEqual(done.returncode, 2)
        self.assertIn('there is no serializer "msgpak"; did you mean "msgpack"?', done.stderr)
        self.assertEqual(run("decode", "--serializer", "json").returncode, 2)
        self.assertEqual(run("encode", "--serializer", "json").returncode, 2)
        self.assertEqual(run().returncode, 2)
        self.assertEqual(run("--version").returncode, 0)

    def test_an_output_that_is_full_is_an_error(self):
        path = self.write("records.jsonl", line(RECORD))
        with open("/dev/full", "w") as full:
            done = subprocess.run([TOOL, "decode", "--serializer", "json", path], stdout=full, stderr=subprocess.PIPE,
                                  text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left", done.stderr)

    @unittest.skipUnless("avro" in run("decode", "--help").stdout, "this build has no Avro")
    def test_schemas_that_cannot_be_read_are_a_mistake_on_the_command_line(self):
        file = self.write("a.bin", "")
        for place in (self.folder / "absent", self.write("a.evsc.yaml", "name: x\n")):
            done = run("decode", "--serializer", "avro", "--schemas", place, file)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(str(place), done.stderr)


if __name__ == "__main__":
    unittest.main()
