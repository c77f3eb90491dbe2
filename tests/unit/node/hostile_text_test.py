#!/usr/bin/env python3
# ctest: TIMEOUT 120
"""Texts from outside that would command a terminal or forge a line: what each program that prints them shows."""

import json
import os
import pathlib
import pty
import re
import subprocess
import tempfile
import unittest

BIN = pathlib.Path(os.environ["EVENTY_BIN_DIR"])
# Clears the screen, goes to its top, sets a title, reorders what follows, deletes, and is no UTF-8.
HOSTILE = "\x1b[2J\u009b1;1H\u202e\x7f\x07"
RECORD = {
    "type": "EVENT", "namespace": "urn:shop", "name": "Placed", "protocol_version": "3.0.0", "version": "1.2.0",
    "source": "urn:shop", "uuid": "0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09", "correlation_id": "c", "partition_key": "k",
    "date_timestamp": 1767315845678, "date_iso8601": "2026-01-02T01:04:05.678000+00:00", "context": {}, "data": {}}


def command(name, *arguments):
    return [BIN / name, *map(str, arguments)]


def run(name, *arguments):
    return subprocess.run(command(name, *arguments), capture_output=True, timeout=60)


def on_a_terminal(name, *arguments):
    """Exit code, and what the program wrote to a terminal."""
    ours, its = pty.openpty()
    program = subprocess.Popen(command(name, *arguments), stdout=its, stderr=its, stdin=subprocess.DEVNULL)
    os.close(its)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # the program has closed the terminal
        pass
    os.close(ours)
    return program.wait(60), shown.replace(b"\r\n", b"\n")


def is_plain(shown):
    text = shown.decode()  # is UTF-8
    return not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]", text)


class HostileText(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def test_the_tool_shows_a_terminal_text_and_a_pipe_the_record(self):
        record = RECORD | {"data": {HOSTILE: HOSTILE}}
        file = self.write("a.json", json.dumps(record, ensure_ascii=False) + "\n")
        code, shown = on_a_terminal("eventy", "decode", "--serializer", "json", file)
        self.assertEqual(code, 0)
        self.assertTrue(is_plain(shown), shown)
        self.assertEqual(shown.count(b"\n"), 1)
        done = run("eventy", "decode", "--serializer", "json", file)
        self.assertEqual((done.returncode, json.loads(done.stdout)["data"]), (0, record["data"]))

    def test_the_tool_shows_a_terminal_no_more_than_anybody_reads(self):
        file = self.write("a.json", json.dumps(RECORD | {"data": {"n": "x" * 1_000_000}}) + "\n")
        code, shown = on_a_terminal("eventy", "decode", "--serializer", "json", file)
        self.assertEqual(code, 0)
        self.assertLess(len(shown), 70_000)
        self.assertTrue(shown.endswith(b"...\n"))
        self.assertGreater(len(run("eventy", "decode", "--serializer", "json", file).stdout), 1_000_000)

    def test_the_tool_complains_in_a_line(self):
        file = self.write(f"{HOSTILE}\nok.json", json.dumps(RECORD | {"version": HOSTILE + "\nforged"}) + "\n")
        done = run("eventy", "decode", "--serializer", "json", file)
        self.assertEqual((done.returncode, done.stderr.count(b"\n")), (1, 1))
        self.assertTrue(is_plain(done.stderr), done.stderr)

    def test_a_check_of_schemas_prints_a_line_for_each_finding(self):
        head = "protocol_version: 3.0.0\nnamespace: urn:shop\nname: \"{}\"\ntype: event\ndata_fields: []\n"
        old = self.write("old/a.evsc.yaml", head.format("Placed"))
        new = self.write("new/a.evsc.yaml", head.format("P\\e[2J\\nok\\x7f"))
        done = run("eventy", "schema", "check", old, new)
        for shown in (done.stdout, done.stderr):
            self.assertTrue(is_plain(shown), shown)
        self.assertLessEqual((done.stdout + done.stderr).count(b"\n"), 2)

    def test_logs_and_status_of_a_service_are_plain(self):
        inbox = self.write("inbox", f"order {HOSTILE}ann 100 {HOSTILE}GBP\norder eve 100 EUR\n".encode() +
                           b"\x1b[2J\xff" + f"not an order {'x' * 10_000}\n".encode())
        rates = self.write("rates", "EUR 100\n")
        done = run("resilience", "run", "--data", self.folder / "data", "--inbox", inbox, "--rates", rates, "--until-idle")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"a key is parked", done.stderr)
        self.assertTrue(is_plain(done.stderr), done.stderr)
        for arguments in ((), ("--lines",)):
            done = run("resilience", "status", "--data", self.folder / "data", *arguments)
            self.assertEqual(done.returncode, 0)
            self.assertIn(b"ann", done.stdout)
            self.assertTrue(is_plain(done.stdout), done.stdout)


if __name__ == "__main__":
    unittest.main()
