#!/usr/bin/env python3
"""Simulation, Bench and a store as a user's own project has them: installed, found by find_package, compiled and run.

`testing` needs no CAF, so that Bench can be used where CAF is not; `simulation` does.
"""

import os
import pathlib
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["EVENTY_BUILD_DIR"])

PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES CXX)
find_package(eventy REQUIRED COMPONENTS {component})
add_executable(user main.cpp)
target_link_libraries(user PRIVATE eventy::{component})
"""

SERVICE = """
#include "eventy/service.hpp"
#include "eventy/testing/plain_format.hpp"
struct Clicked {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = eventy::Event<"urn:web", "Clicked", "1.0.0">;
};
struct Tally {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
};
eventy::Service counter() {
  return eventy::service<Tally>("counter").on(
      eventy::exactly_once, [](eventy::Turn<Tally>& turn, const Clicked& c) { turn.edit().n += c.n; });
}
"""

BENCH = SERVICE + """
#include "eventy/testing/bench.hpp"
int main() {
  eventy::testing::Bench bench{counter()};
  bench.tell(Clicked{2}, "ann");
  return bench.state<Tally>("ann")->n == 2 ? 0 : 1;
}
"""

SIMULATION = SERVICE + """
#include "eventy/testing/simulation.hpp"
int main() {
  eventy::testing::Simulation simulation({.seed = 7, .nodes = 3, .faults = {.store = {.aborts = 0.1}, .die = 0.001}});
  simulation.add(counter(), 4);
  const auto encoder = eventy::testing::plain_serializer()->make_encoder();
  eventy::Record record(eventy::Kind::event, "urn:web", "Clicked", "urn:web");
  record.set_partition_key("ann");
  record.data = {{"n", eventy::Value{std::int64_t{1}}}};
  const eventy::NewRecord click{.key = "ann", .value = eventy::encode(record, *encoder)};
  simulation.store().append("web-events", std::vector<eventy::NewRecord>(100, click)).value();
  simulation.run(2'000);
  simulation.heal();
  if (simulation.settle()) return 1;
  std::int64_t sum = 0;
  eventy::for_each_state<Tally>(simulation.store(), *eventy::testing::plain_state_format(), "counter",
                                [&](eventy::PartitionId, std::string_view, const Tally& t) { sum += t.n; })
      .value();
  return sum == 100 ? 0 : 1;
}
"""

ROCKSDB = """
#include "eventy/rocksdb/rocksdb_store.hpp"
int main(int, char** argv) { return eventy::rocksdb::open({.path = argv[0] + std::string("-data")}).ok() ? 0 : 1; }
"""


def run(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=250)


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.prefix = pathlib.Path(cls.folder.name) / "prefix"
        done = run("cmake", "--install", BUILD, "--prefix", cls.prefix)
        assert done.returncode == 0, done.stderr

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def configured(self, component, program, *options):
        self.project = pathlib.Path(self.folder.name) / self.id()
        self.project.mkdir()
        (self.project / "CMakeLists.txt").write_text(PROJECT.format(component=component))
        (self.project / "main.cpp").write_text(program)
        return run("cmake", "-G", "Ninja", "-S", self.project, "-B", self.project / "build",
                   f"-DCMAKE_PREFIX_PATH={self.prefix}", *options)

    def runs(self, component, program, *options):
        done = self.configured(component, program, *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = run("cmake", "--build", self.project / "build")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(run(self.project / "build/user").returncode, 0)

    def test_bench_without_caf(self):
        self.runs("testing", BENCH, "-DCMAKE_DISABLE_FIND_PACKAGE_CAF=ON")

    def test_rocksdb_leaves_the_symbols_of_rocksdb_alone(self):
        self.runs("rocksdb", ROCKSDB)
        self.assertNotIn("rocksdb::crc32c::", run("nm", "-C", "--defined-only", self.project / "build/user").stdout)

    def test_simulation(self):
        self.runs("simulation", SIMULATION)

    def test_simulation_asks_for_caf(self):
        done = self.configured("simulation", SIMULATION, "-DCMAKE_DISABLE_FIND_PACKAGE_CAF=ON")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("CAF", done.stderr)


if __name__ == "__main__":
    unittest.main()
