// The two spellings of a date: what is written, what is read, what is refused.
#define CAF_SUITE core_date

#include "eventy/core/date.hpp"

#include "caf/test/unit_test.hpp"

#include <random>
#include <stdexcept>

using namespace eventy;

namespace {

std::string spelled(std::int64_t ms) {
  std::string out;
  append_iso8601(out, Instant(Duration(ms)));
  return out;
}

// Milliseconds since 1970, or nothing where the text is refused.
std::optional<std::int64_t> read(std::string_view text) {
  auto date = parse_iso8601(text);
  if (!date) return {};
  return date->time_since_epoch().count();
}

std::int64_t ms_of(int year, unsigned month, unsigned day) {
  using namespace std::chrono;
  return sys_days(std::chrono::year(year) / month / day).time_since_epoch().count() *
         std::int64_t{86'400'000};
}

}  // namespace

CAF_TEST(is_written_with_six_digits_or_without_a_fraction) {
  CAF_CHECK_EQUAL(spelled(1'767'315'845'678), "2026-01-02T01:04:05.678000+00:00");
  CAF_CHECK_EQUAL(spelled(1'767'315'845'000), "2026-01-02T01:04:05+00:00");
  CAF_CHECK_EQUAL(spelled(0), "1970-01-01T00:00:00+00:00");
  CAF_CHECK_EQUAL(spelled(7), "1970-01-01T00:00:00.007000+00:00");
}

CAF_TEST(is_appended_to_what_is_there) {
  std::string out = "at ";
  append_iso8601(out, Instant(Duration(1)));
  append_iso8601(out, Instant(Duration(0)));
  CAF_CHECK_EQUAL(out, "at 1970-01-01T00:00:00.001000+00:001970-01-01T00:00:00+00:00");
}

CAF_TEST(may_lie_before_1970) {
  CAF_CHECK_EQUAL(spelled(-1), "1969-12-31T23:59:59.999000+00:00");
  CAF_CHECK_EQUAL(spelled(-1000), "1969-12-31T23:59:59+00:00");
  CAF_CHECK_EQUAL(read("1969-12-31T23:59:59.999000+00:00"), std::optional<std::int64_t>(-1));
  CAF_CHECK_EQUAL(read("1900-03-01T00:00:00Z"), std::optional(ms_of(1900, 3, 1)));
}

CAF_TEST(is_truncated_to_the_millisecond_towards_the_past) {
  CAF_CHECK_EQUAL(read("1970-01-01T00:00:00.0019999Z"), std::optional<std::int64_t>(1));
  CAF_CHECK_EQUAL(read("1969-12-31T23:59:59.998999Z"), std::optional<std::int64_t>(-2));
  CAF_CHECK_EQUAL(read("1969-12-31T23:59:59.000001Z"), std::optional<std::int64_t>(-1000));
}

CAF_TEST(may_have_up_to_nine_fraction_digits) {
  for (std::string digits :
       {"5", "50", "500", "5000", "50000", "500000", "5000000", "50000000", "500000000"}) {
    CAF_CHECK_EQUAL(read("1970-01-01T00:00:00." + digits + "+00:00"), std::optional<std::int64_t>(500));
  }
  CAF_CHECK_EQUAL(read("1970-01-01T00:00:00+00:00"), std::optional<std::int64_t>(0));
  CAF_CHECK(!read("1970-01-01T00:00:00.+00:00"));
  CAF_CHECK(!read("1970-01-01T00:00:00.5000000000+00:00"));
}

CAF_TEST(may_have_any_offset) {
  auto noon = std::optional(ms_of(2026, 7, 1) + 12 * 3'600'000);
  for (auto text : {"2026-07-01T12:00:00Z", "2026-07-01T12:00:00z", "2026-07-01t12:00:00+00:00",
                    "2026-07-01 12:00:00-00:00", "2026-07-01T14:00:00+02:00", "2026-07-01T14:00:00+02",
                    "2026-07-01T17:30:00+0530", "2026-07-01T00:15:00-11:45", "2026-07-02T02:00:00.000+14:00",
                    "2026-07-01T12:09:21+00:09:21"}) {
    CAF_CHECK_EQUAL(read(text), noon);
  }
}

CAF_TEST(exists_in_the_calendar) {
  for (auto text :
       {"2012-02-29T00:00:00Z", "2000-02-29T00:00:00Z", "2013-12-31T23:59:59Z", "2013-04-30T00:00:00Z"}) {
    CAF_CHECK(read(text));
  }
  for (auto text :
       {"2013-02-30T00:00:00Z", "2013-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "1800-02-29T00:00:00Z",
        "2013-04-31T00:00:00Z", "2013-00-10T00:00:00Z", "2013-13-10T00:00:00Z", "2013-01-00T00:00:00Z",
        "2013-01-32T00:00:00Z", "2013-01-01T24:00:00Z", "2013-01-01T00:60:00Z", "2013-01-01T00:00:60Z",
        "0000-01-01T00:00:00Z"}) {
    CAF_CHECK(!read(text));
  }
}

CAF_TEST(is_refused_in_any_other_spelling) {
  for (auto text : {"",
                    "2013",
                    "2013-01-01",
                    "2013-01-01T00:00:00",
                    "2013-01-01T00:00Z",
                    "20130101T000000Z",
                    "2013-1-01T00:00:00Z",
                    "2013-01-01x00:00:00Z",
                    "2013-01-01T00:00:00,5Z",
                    "2013-01-01T00:00:00ZZ",
                    "2013-01-01T00:00:00+24:00",
                    "2013-01-01T00:00:00+01:60",
                    "2013-01-01T00:00:00+1",
                    "2013-01-01T00:00:00+01:",
                    "2013-01-01T00:00:00+010",
                    "2013-01-01T00:00:00+01:00:00:00",
                    "-013-01-01T00:00:00Z",
                    " 2013-01-01T00:00:00Z",
                    "2013-01-01T00:00:00Z ",
                    "2013-01-01T0:000:00Z",
                    "2013-01-01T00:00:00.5 Z"}) {
    CAF_CHECK(!read(text));
  }
}

CAF_TEST(lies_in_the_years_1_to_9999) {
  CAF_CHECK_EQUAL(spelled(earliest_date.time_since_epoch().count()), "0001-01-01T00:00:00+00:00");
  CAF_CHECK_EQUAL(spelled(latest_date.time_since_epoch().count()), "9999-12-31T23:59:59.999000+00:00");
  CAF_CHECK(parse_iso8601("0001-01-01T00:00:00Z") == earliest_date);
  CAF_CHECK(parse_iso8601("9999-12-31T23:59:59.999999Z") == latest_date);
  CAF_CHECK(!read("0001-01-01T00:00:00+00:01"));
  CAF_CHECK(!read("9999-12-31T23:59:59-00:01"));
  for (auto date : {earliest_date - Duration(1), latest_date + Duration(1), Instant::min(), Instant::max()}) {
    std::string out = "kept";
    try {
      append_iso8601(out, date);
      CAF_ERROR("was written: " << out);
    } catch (const std::invalid_argument& e) {
      CAF_CHECK(std::string_view(e.what()).starts_with("date: "));
    }
    CAF_CHECK_EQUAL(out, "kept");
  }
}

CAF_TEST(agrees_with_the_calendar_of_the_standard_library_on_every_day) {
  std::size_t wrong = 0;
  for (auto day = std::chrono::sys_days(std::chrono::year(1) / 1 / 1); day < latest_date;
       day += std::chrono::days(1)) {
    std::chrono::year_month_day civil = day;
    char expected[32];
    std::snprintf(expected, sizeof expected, "%04d-%02u-%02uT00:00:00+00:00", static_cast<int>(civil.year()),
                  static_cast<unsigned>(civil.month()), static_cast<unsigned>(civil.day()));
    wrong += spelled(Instant(day).time_since_epoch().count()) != expected;
  }
  CAF_CHECK_EQUAL(wrong, 0u);
}

CAF_TEST(comes_back_as_it_was_written) {
  auto seed = std::random_device{}();
  CAF_MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<std::int64_t> any(earliest_date.time_since_epoch().count(),
                                                  latest_date.time_since_epoch().count());
  std::size_t wrong = 0;
  for (int i = 0; i < 200'000; ++i) {
    auto ms = any(random);
    wrong += read(spelled(ms)) != ms;
  }
  CAF_CHECK_EQUAL(wrong, 0u);
}
