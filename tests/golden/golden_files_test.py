#!/usr/bin/env python3
"""The golden files are those that were added, byte for byte; and `add` neither changes nor removes one."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ADD = HERE / "add"
LARGEST, LARGEST_IN_ALL = 8_000, 200_000  # bytes


def call(argument, home=HERE):
    done = subprocess.run([ADD, argument], env=os.environ | {"EVENTY_GOLDEN_DIR": str(home)}, capture_output=True, text=True,
                          timeout=60)
    return done.returncode, done.stderr.splitlines()


def golden_files(home):
    """Without `add`: the folders named by a number."""
    return sorted(path for path in home.glob("*/[0-9]*/**/*") if path.is_file())


class TheFiles(unittest.TestCase):
    def test_each_listed_file_is_there_with_its_checksum_and_no_other(self):
        self.assertEqual(call("--check"), (0, []))

    def test_the_checksums_hold_without_the_script_too(self):
        found = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(HERE)}\n" for path in golden_files(HERE))
        self.assertEqual(found, (HERE / "SHA256SUMS").read_text())

    def test_every_format_and_version_has_files(self):
        folders = {str(path.relative_to(HERE).parent) for path in HERE.glob("*/[0-9]*/*.json")}
        self.assertGreaterEqual(folders, {"json/3", "avro/1", "avro/2", "avro/3", "protobuf/3", "msgpack/3", "state/1",
                                          "changelog/1", "dead_letters/1", "embedded/1"})

    def test_they_are_small(self):
        sizes = {path.name: path.stat().st_size for path in golden_files(HERE)}
        self.assertEqual([name for name, size in sizes.items() if size > LARGEST], [])
        self.assertLess(sum(path.stat().st_size for path in golden_files(HERE)), LARGEST_IN_ALL)


class ACopy(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home, self.new = pathlib.Path(folder.name, "home"), pathlib.Path(folder.name, "new")
        shutil.copytree(HERE, self.home)

    def put(self, name, data):
        path = self.new / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def content(self):
        return {path.relative_to(self.home): path.read_bytes() for path in golden_files(self.home)}

    def test_a_changed_byte_is_found_in_whichever_file(self):
        for path in golden_files(self.home)[::23]:
            data = path.read_bytes()
            path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]) if data else b"x")
            self.assertEqual(call("--check", self.home), (1, [f"golden: {path.relative_to(self.home)}: was changed"]))
            path.write_bytes(data)
        self.assertEqual(call("--check", self.home), (0, []))

    def test_a_removed_file_and_one_that_is_not_listed_are_found(self):
        (self.home / "json/3/event.bin").unlink()
        (self.home / "json/3/new.bin").write_bytes(b"x")
        self.assertEqual(call("--check", self.home), (1, ["golden: json/3/new.bin: is not listed",
                                                          "golden: json/3/event.bin: is absent"]))
        (self.home / "SHA256SUMS").write_text("")
        self.assertEqual(call("--check", self.home)[0], 1)

    def test_new_files_are_added_and_listed_and_the_others_stay(self):
        before = self.content()
        self.put("json/3/event.bin", before[pathlib.Path("json/3/event.bin")])  # the same: nothing to do
        self.put("json/4/event.bin", b"of protocol 4")
        self.assertEqual(call(self.new, self.home), (0, []))
        self.assertEqual(self.content(), before | {pathlib.Path("json/4/event.bin"): b"of protocol 4"})
        self.assertEqual(call("--check", self.home), (0, []))

    def test_other_bytes_under_a_name_that_is_there_are_refused_and_nothing_is_added(self):
        before = self.content()
        self.put("json/3/event.bin", b"other")
        self.put("json/4/event.bin", b"new")
        code, said = call(self.new, self.home)
        self.assertEqual((code, len(said)), (1, 1))
        self.assertIn("json/3/event.bin: is there already with other bytes", said[0])
        self.assertEqual(self.content(), before)

    def test_nothing_is_added_to_what_was_changed(self):
        (self.home / "avro/1/bare.bin").write_bytes(b"")
        self.put("json/4/event.bin", b"new")
        self.assertEqual(call(self.new, self.home), (1, ["golden: avro/1/bare.bin: was changed"]))
        self.assertFalse((self.home / "json/4").exists())


if __name__ == "__main__":
    unittest.main()
