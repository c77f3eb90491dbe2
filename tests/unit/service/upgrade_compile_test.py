#!/usr/bin/env python3
"""What an upgrade function must not be does not compile, and the compiler says why."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from compiling import complaint  # noqa: E402

RECORDS = """
#include "eventy/service.hpp"
using namespace eventy;
struct Old {{ std::int64_t n = 0; EVENTY_FIELDS(n); using record = {old}; }};
struct New {{ std::string n; EVENTY_FIELDS(n); using record = Event<"urn:a", "N", "2.0.0">;
  static {result} upgrade(const {taken}&) {{ return {{}}; }} }};
Service made() {{ return service<>("s").on([](StatelessTurn&, const New&) {{}}); }}
"""
STATES = """
#include "eventy/service.hpp"
using namespace eventy;
struct E {{ EVENTY_FIELDS(); using record = Event<"urn:a", "E", "1.0.0">; }};
struct Old {{ std::int64_t n = 0; EVENTY_FIELDS(n); static constexpr std::uint16_t state_version = {version}; }};
struct New {{ std::string n; EVENTY_FIELDS(n); static constexpr std::uint16_t state_version = 2;
  static {result} upgrade(const Old&) {{ return {{}}; }} }};
Service made() {{ return service<New>("s").on([](Turn<New>&, const E&) {{}}); }}
"""


def records(old='Event<"urn:a", "N", "1.0.0">', result="New", taken="Old"):
    return complaint(RECORDS.format(old=old, result=result, taken=taken))


class UpgradeFunctions(unittest.TestCase):
    def test_right_ones_compile(self):
        self.assertEqual(records(), "")
        self.assertEqual(complaint(STATES.format(version=1, result="New")), "")

    def test_of_another_record_or_kind(self):
        for old in ('Event<"urn:a", "M", "1.0.0">', 'Event<"urn:b", "N", "1.0.0">', 'Response<"urn:a", "N", "1.0.0">'):
            self.assertIn("takes an older version of the same record", records(old))

    def test_of_a_version_that_is_not_lower(self):
        for version in ("2.0.0", "2.1.0", "3.0.0"):
            self.assertIn("takes a lower major version", records(f'Event<"urn:a", "N", "{version}">'))
        for version in (2, 3):
            self.assertIn("takes a state of a lower state_version", complaint(STATES.format(version=version, result="New")))

    def test_of_what_is_no_record(self):
        self.assertIn("takes an older version of the record, which has such a member too", records(taken="std::string"))

    def test_that_makes_another_type(self):
        self.assertIn("returns the type that it belongs to", records(result="Old"))
        self.assertIn("returns the type that it belongs to", complaint(STATES.format(version=1, result="Old")))


if __name__ == "__main__":
    unittest.main()
