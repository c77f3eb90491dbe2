#!/usr/bin/env python3
"""A command that does not exist: one line that names it, the nearest one and all, and exit code 2."""

import os
import pathlib
import subprocess
import unittest

BIN = pathlib.Path(os.environ["EVENTY_BIN_DIR"])


def run(program, *arguments):
    return subprocess.run([BIN / program, *arguments], capture_output=True, text=True, timeout=60)


class UnknownCommand(unittest.TestCase):
    def refused(self, line, program, *arguments):
        done = run(program, *arguments)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (2, "", line + "\n"))

    @unittest.skipUnless((BIN / "counter").exists(), "the examples are not built")
    def test_of_a_program(self):
        known = "Known: run, check-config, feed"
        self.refused(f'counter: there is no command "ru"; did you mean "run"? {known}', "counter", "ru")
        self.refused(f'counter: there is no command "chekc-config"; did you mean "check-config"? {known}', "counter",
                     "chekc-config", "--data", "x")
        self.refused(f'counter: there is no command "frobnicate". {known}', "counter", "frobnicate")

    def test_of_the_tool(self):
        known = "Known: decode, encode, schema"
        self.refused(f'eventy: there is no command "decod"; did you mean "decode"? {known}', "eventy", "decod", "--out")
        self.refused(f'eventy: there is no command "frobnicate". {known}', "eventy", "frobnicate")

    def test_of_a_command_with_commands(self):
        self.refused('eventy: there is no command "chek"; did you mean "check"? Known: check', "eventy", "schema", "chek",
                     "a", "b")

    def test_no_command_and_other_mistakes_are_said_as_before(self):
        for arguments, said in (((), "A subcommand is required"), (("schema",), "A subcommand is required"),
                                (("--frobnicate",), "A subcommand is required"),
                                (("decode", "--serializer", "json", "--frobnicate", "a"), "--frobnicate")):
            with self.subTest(arguments):
                done = run("eventy", *arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(said, done.stderr)
                self.assertNotIn("there is no command", done.stderr)


if __name__ == "__main__":
    unittest.main()
