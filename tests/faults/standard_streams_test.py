#!/usr/bin/env python3
# ctest: TIMEOUT 120
"""Readers that go, full devices and closed streams at a program's standard streams: it ends as it should, and no data suffers."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

BIN = pathlib.Path(os.environ["EVENTY_BIN_DIR"])
RECORDS = 20_000


def program(name, *arguments, **options):
    return subprocess.run([BIN / name, *map(str, arguments)], timeout=60, **options)


def settings(values):
    return [argument for value in values for argument in ("--set", value)]


class StandardStreams(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.data = self.folder / "data"

    def feed(self):
        program("counter", "feed", "--data", self.data, "--records", RECORDS, "--keys", 10, check=True,
                capture_output=True)

    def is_counted(self):
        """Nothing is left to do: a further run finds every record handled, and the data good."""
        done = program("counter", "run", "--data", self.data, "--until-idle", capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_reader_that_goes_ends_no_node(self):
        for log in (), ("log.format=json",), ("log.to=stdout", "log.format=json"):
            with self.subTest(log=log):
                self.reader_goes(log)

    def reader_goes(self, log):
        self.feed()
        read, write = os.pipe()
        node = subprocess.Popen([BIN / "counter", "run", "--data", self.data, *settings(log)], stdout=write, stderr=write)
        os.close(write)
        os.read(read, 1)
        os.close(read)  # every line from now on has no reader, those of the drain too
        with self.assertRaises(subprocess.TimeoutExpired):
            node.wait(1)
        node.terminate()
        self.assertEqual(node.wait(30), 0)
        self.is_counted()

    def test_a_full_device_is_an_error_of_what_is_printed(self):
        self.feed()
        with open("/dev/full", "w") as full:
            for command in (["counter", "check-config"], ["counter", "--help"], ["counter", "--version"],
                            ["flights", "report", "--data", self.folder / "flights"]):
                done = program(*command, stdout=full, stderr=subprocess.PIPE, text=True)
                self.assertEqual(done.returncode, 1, command)
                self.assertIn("No space left on device" if command[1] != "report" else "", done.stderr)

    def test_a_full_device_behind_the_log_keeps_no_node_from_its_work(self):
        for log in (), ("log.format=json",), ("log.to=stdout",), ("log.to=/dev/full", "log.format=json"):
            with self.subTest(log=log), open("/dev/full", "w") as full:
                self.feed()
                done = program("counter", "run", "--data", self.data, "--until-idle", "--set", "log.level=trace",
                               *settings(log), stdout=full, stderr=full)
                self.assertEqual(done.returncode, 0)
                self.is_counted()

    def test_a_full_disk_below_the_file_of_the_log_keeps_no_node_from_its_work(self):
        self.feed()
        disk = self.folder / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", disk], stderr=subprocess.DEVNULL).returncode:
            self.skipTest("no permission to mount a small file system")
        try:
            log = disk / "node.log"
            log.write_text('{"message": "of an earlier node"}\n' * 100)  # of 4,096 bytes a few hundred are left
            done = program("counter", "run", "--data", self.data, "--until-idle",
                           *settings((f"log.to={log}", "log.level=trace", "log.format=json",
                                      "engine.commit_interval_ms=1", "engine.max_batch_records=10")),
                           capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stderr.count("cannot be written: No space left on device"), 1, done.stderr)
            lines = log.read_text().splitlines()
        finally:
            subprocess.run(["umount", "--lazy", disk])
        self.assertGreater(len(lines), 101)
        for line in lines:  # none is cut
            self.assertIn("message", json.loads(line))
        self.is_counted()

    def test_a_file_of_the_log_is_rotated_while_a_node_works(self):
        self.feed()
        log = self.folder / "node.log"
        done = program("counter", "run", "--data", self.data, "--until-idle",
                       *settings((f"log.to={log}", "log.level=trace", "log.max_file_bytes=600", "log.max_files=2",
                                  "engine.commit_interval_ms=1", "engine.max_batch_records=10")),
                       capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        files = sorted(self.folder.glob("node.log*"))
        self.assertEqual([file.name for file in files], ["node.log", "node.log.1", "node.log.2"])
        for file in files:
            self.assertLessEqual(file.stat().st_size, 600)
        self.assertIn("drained", "".join(file.read_text() for file in files))
        self.is_counted()

    def test_a_file_of_the_log_that_cannot_be_opened_is_a_mistake_in_the_configuration(self):
        done = program("counter", "run", "--data", self.data, *settings((f"log.to={self.folder}",)),
                       capture_output=True, text=True)
        self.assertEqual(done.returncode, 78)
        self.assertIn(f'[log] to: the file "{self.folder}" cannot be opened: Is a directory', done.stderr)

    def test_an_error_that_cannot_be_said_has_its_exit_code(self):
        with open("/dev/full", "w") as full:
            done = program("counter", "run", "--no-such-option", stdout=full, stderr=full)
        self.assertNotIn(done.returncode, (0, -6))

    def test_closed_streams_do_not_give_their_numbers_to_files(self):
        self.feed()

        def close():
            for stream in (0, 1, 2):
                os.close(stream)

        node = subprocess.Popen([BIN / "counter", "run", "--data", self.data], preexec_fn=close)
        try:
            with self.assertRaises(subprocess.TimeoutExpired):
                node.wait(1)
            for stream in (0, 1, 2):
                self.assertEqual(os.readlink(f"/proc/{node.pid}/fd/{stream}"), "/dev/null")
        finally:
            node.terminate()
        self.assertEqual(node.wait(30), 0)
        self.is_counted()


if __name__ == "__main__":
    unittest.main()
