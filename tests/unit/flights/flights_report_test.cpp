// What `flights report` prints where the file called carriers what it liked.
#define CAF_SUITE flights_report

#include <caf/test/unit_test.hpp>

#include <algorithm>

#include "eventy/json/json.hpp"
#include "examples/flights/report.hpp"

using namespace eventy;

CAF_TEST(the_names_of_carriers_command_no_terminal_and_forge_no_line) {
  flights::Report report;
  report.carriers["\x1b[2J\nall 9\"\x7f"] = {.departed = 1};
  report.carriers[std::string(60'000, 'x')] = {.departed = 2};
  for (const auto& text : {flights::as_table(report), flights::as_json(report)}) {
    CAF_CHECK(text.size() < 10'000);
    for (const char c : text) CAF_REQUIRE((c >= ' ' && c < '\x7f') || c == '\n');
  }
  const auto table = flights::as_table(report);
  CAF_CHECK_EQUAL(std::count(table.begin(), table.end(), '\n'), 6);
  CAF_CHECK(!std::get<ValueMap>(json::parse(flights::as_json(report)).is).empty());
}
