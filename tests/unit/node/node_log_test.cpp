// The log of a node says what records say, and no more than a line of it.
#define CAF_SUITE node_log

#include <caf/test/unit_test.hpp>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

#include "actors/node/log.hpp"
#include "eventy/core/one_line.hpp"
#include "eventy/engine/failure_class.hpp"

namespace {

using namespace eventy;

std::string logged(const std::string& text) {
  std::ostringstream lines;
  spdlog::logger log("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines));
  log.set_formatter(one_line_formatter("%l %v"));
  log.error("[orders/3 {}] failed", text);
  return lines.str();
}

}  // namespace

CAF_TEST(a_text_from_outside_forges_no_line_and_moves_no_cursor) {
  CAF_CHECK_EQUAL(logged("c1"), "error [orders/3 c1] failed\n");
  CAF_CHECK_EQUAL(logged("c1\n2026-11-30 info all is well"),
                  "error [orders/3 c1\\n2026-11-30 info all is well] failed\n");
  CAF_CHECK_EQUAL(logged("\x1b[2J\r\x07\xff"), "error [orders/3 \\x1b[2J\\x0d\\x07\\xff] failed\n");
  CAF_CHECK_EQUAL(logged("\xe2\x80\xae"
                         "dlrow"),
                  "error [orders/3 \\xe2\\x80\\xaedlrow] failed\n");
  CAF_CHECK_EQUAL(logged("caf\xc3\xa9"), "error [orders/3 caf\xc3\xa9] failed\n");
}

CAF_TEST(a_line_has_an_end) {
  const std::string line = logged(std::string(900'000, 'x'));
  CAF_CHECK(line.size() < 9'000);
  CAF_CHECK(line.ends_with("...\n"));
}

CAF_TEST(the_reason_of_a_failure_is_a_line_of_limited_length_too) {
  const auto said = eventy::describe(
      std::make_exception_ptr(std::runtime_error("first\nsecond" + std::string(900'000, 'x'))));
  CAF_CHECK(said.reason.starts_with("first\\nsecondx"));
  CAF_CHECK(said.reason.size() < longest_reason + 10);
}

CAF_TEST(escapes_of_one_line_are_counted_by_what_is_taken) {
  CAF_CHECK_EQUAL(one_line("abc", 2), "ab...");
  CAF_CHECK_EQUAL(one_line("a\nb", 3), "a\\nb");
  CAF_CHECK_EQUAL(one_line("", 0), "");
}
