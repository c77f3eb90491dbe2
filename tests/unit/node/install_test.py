#!/usr/bin/env python3
# ctest: TIMEOUT 600
"""README's way from a clone to a project of one's own: what is built is installed, and what is not is named when a project
asks for it."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["EVENTY_BUILD_DIR"])
SOURCE = pathlib.Path(os.environ["EVENTY_SOURCE_DIR"])
README = (SOURCE / "README.md").read_text()
ASKS = """
cmake_minimum_required(VERSION 3.25)
project(asks LANGUAGES CXX)
find_package(eventy REQUIRED{components})
foreach(room node lines testing)
  if(TARGET eventy::${{room}})
    message(STATUS "found ${{room}}")
  endif()
endforeach()
"""


def run(*command, **how):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=500, **how)


def section(title):
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def fenced(text, language):
    return text.split(f"```{language}\n")[1].split("```")[0]


def lines():
    """The commands of the section, without their comments."""
    return [line.split("  # ")[0].strip() for line in section("Install").splitlines() if line.startswith("    ")]


def built_by(target):
    """The libraries in the build tree that the target needs, and its own."""
    done = run("ninja", "-C", BUILD, "-t", "inputs", target)
    assert done.returncode == 0, done.stdout + done.stderr
    return {BUILD / path for path in done.stdout.splitlines() if path.endswith(".a")} | set(BUILD.rglob(f"lib{target}.a"))


def tree_with(libraries, tree):
    """A copy of what the installation reads of the build tree, with these libraries only and without programs."""
    for script in BUILD.rglob("cmake_install.cmake"):
        text = script.read_text()
        for path in map(pathlib.Path, set(re.findall(rf'"({re.escape(str(BUILD))}/[^"]+)"', text))):
            left_out = path.suffix == ".a" and path not in libraries or path.is_relative_to(BUILD / "bin")
            if path.is_file() and path.name != "cmake_install.cmake" and not left_out:
                copy = tree / path.relative_to(BUILD)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copy)
        copy = tree / script.relative_to(BUILD)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text.replace(f"{BUILD}/", f"{tree}/"))


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.home = pathlib.Path(folder.name)
        cls.setup, cls.configure, cls.build, install, cls.project = lines()
        tree = cls.home / "tree"
        tree_with(built_by(cls.build.split("--target ")[1]), tree)
        done = cls.in_shell(install.replace("build/release", str(tree)))
        assert done.returncode == 0, done.stderr

    @classmethod
    def in_shell(cls, line):
        return run("bash", "-c", line, cwd=SOURCE, env=os.environ | {"HOME": str(cls.home)})

    def test_the_first_lines_name_what_there_is(self):
        self.assertTrue(os.access(SOURCE / self.setup, os.X_OK), self.setup)
        self.assertIn(self.configure.removeprefix("cmake --preset "),
                      [preset["name"] for preset in json.loads((SOURCE / "CMakePresets.json").read_text())["configurePresets"]])
        self.assertEqual(self.build, "cmake --build build/release --target eventy_node")

    def test_a_project_of_ones_own_is_built_and_runs(self):
        shop = self.home / "shop"
        shop.mkdir()
        (shop / "CMakeLists.txt").write_text(fenced(section("Install"), "cmake"))
        (shop / "main.cpp").write_text(fenced(section("A service in full"), "cpp"))
        done = self.in_shell(self.project)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        done = run(shop / "build/shop", "run", "--data", self.home / "data", "--until-idle")
        self.assertEqual(done.returncode, 0, done.stderr)

    def asks(self, components=""):
        folder = self.home / self.id()
        folder.mkdir()
        (folder / "CMakeLists.txt").write_text(ASKS.format(components=components))
        return run("cmake", "-G", "Ninja", "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={self.home / 'eventy'}")

    def test_a_room_that_was_not_built_is_named(self):
        done = self.asks(" COMPONENTS lines")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("component `lines` was not built", " ".join(done.stderr.split()))
        self.assertIn("eventy_lines", done.stderr)

    def test_an_optional_room_that_was_not_built_is_not_found(self):
        done = self.asks(" COMPONENTS node OPTIONAL_COMPONENTS lines")
        self.assertEqual((done.returncode, "found node" in done.stdout, "found lines" in done.stdout), (0, True, False),
                         done.stderr)

    def test_without_components_all_that_was_built_is_found(self):
        done = self.asks()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("found node", done.stdout)
        self.assertNotIn("found testing", done.stdout)


if __name__ == "__main__":
    unittest.main()
