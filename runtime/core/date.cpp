#include "eventy/core/date.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace eventy {

namespace {

constexpr std::int64_t ms_per_day = 86'400'000;
constexpr std::uint32_t days_per_era = 146'097;   // 400 years
constexpr std::uint32_t days_to_epoch = 719'468;  // from 0000-03-01 to 1970-01-01

struct Civil {
  std::uint32_t year, month, day;
};

// Howard Hinnant, "chrono-compatible low-level date algorithms": years start in March, so that the leap day
// is the last of its year. `days` count from 0000-03-01 and are never negative for the dates we take.
constexpr Civil civil_of(std::uint32_t days) {
  std::uint32_t era = days / days_per_era, day_of_era = days % days_per_era;
  std::uint32_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / (days_per_era - 1)) / 365;
  std::uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  std::uint32_t shifted = (5 * day_of_year + 2) / 153;  // months since March
  std::uint32_t month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {era * 400 + year_of_era + (month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1};
}

constexpr std::int64_t days_of(Civil c) {
  std::uint32_t year = c.year - (c.month <= 2), era = year / 400, year_of_era = year % 400;
  std::uint32_t day_of_year = (153 * (c.month > 2 ? c.month - 3 : c.month + 9) + 2) / 5 + c.day - 1;
  std::uint32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return std::int64_t{era} * days_per_era + day_of_era - days_to_epoch;
}

static_assert(days_of({1970, 1, 1}) == 0);
static_assert(days_of({1, 1, 1}) * ms_per_day == earliest_date.time_since_epoch().count());
static_assert((days_of({9999, 12, 31}) + 1) * ms_per_day - 1 == latest_date.time_since_epoch().count());

constexpr auto two_digits = [] {
  std::array<char, 200> out{};
  for (std::size_t i = 0; i < 100; ++i) {
    out[2 * i] = static_cast<char>('0' + i / 10);
    out[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return out;
}();

void put2(char* to, std::uint32_t value) { std::memcpy(to, &two_digits[2 * value], 2); }

constexpr bool is_leap(std::uint32_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

constexpr std::uint32_t days_in(std::uint32_t year, std::uint32_t month) {
  constexpr std::array<std::uint8_t, 13> days{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return days[month] + (month == 2 && is_leap(year));
}

constexpr std::uint32_t no_number = 1000;

std::uint32_t digit_at(const char* at) { return static_cast<unsigned char>(*at - '0'); }

// Two digits, or no_number, which is larger than any limit a caller compares with.
std::uint32_t two_at(const char* at) {
  auto tens = digit_at(at), ones = digit_at(at + 1);
  return tens <= 9 && ones <= 9 ? tens * 10 + ones : no_number;
}

// Milliseconds of the first 19 characters, `2026-01-02T01:04:05`.
std::optional<std::int64_t> local_ms(const char* at) {
  auto century = two_at(at), year_of_century = two_at(at + 2), month = two_at(at + 5), day = two_at(at + 8);
  auto hour = two_at(at + 11), minute = two_at(at + 14), second = two_at(at + 17);
  auto year = century * 100 + year_of_century;
  bool marks = at[4] == '-' && at[7] == '-' && (at[10] == 'T' || at[10] == 't' || at[10] == ' ') &&
               at[13] == ':' && at[16] == ':';
  if (!marks || century > 99 || year_of_century > 99 || year == 0 || month < 1 || month > 12) return {};
  if (day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 59) return {};
  return days_of({year, month, day}) * ms_per_day + ((hour * 60 + minute) * 60 + second) * std::int64_t{1000};
}

// Takes `.` and one to nine digits, or nothing. Ignores the digits after the milliseconds, which truncates
// towards the past.
std::optional<std::uint32_t> take_fraction(std::string_view& rest) {
  if (rest.empty() || rest[0] != '.') return 0;
  std::uint32_t ms = 0, unit = 100;
  std::size_t end = 1;
  for (; end < rest.size() && digit_at(&rest[end]) <= 9; ++end, unit /= 10) ms += digit_at(&rest[end]) * unit;
  if (end < 2 || end > 10) return {};
  rest.remove_prefix(end);
  return ms;
}

// `Z`, `+HH`, `+HHMM`, `+HH:MM`, or with seconds, as Python writes historical zones.
std::optional<std::int64_t> offset_ms(std::string_view text) {
  if (text == "+00:00" || text == "Z" || text == "z") return 0;
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return {};
  bool west = text[0] == '-';
  text.remove_prefix(1);
  std::int64_t seconds = 0;
  std::uint32_t most = 23;
  for (std::int64_t unit : {3600, 60, 1}) {
    if (text.size() < 2 || two_at(text.data()) > most) return {};
    seconds += two_at(text.data()) * unit;
    text.remove_prefix(2);
    if (text.empty()) return (west ? -seconds : seconds) * 1000;
    if (text[0] == ':') text.remove_prefix(1);
    most = 59;
  }
  return {};
}

[[noreturn]] void fail_out_of_years(Instant date) {
  throw std::invalid_argument("date: " + std::to_string(date.time_since_epoch().count()) +
                              " ms since 1970 is outside the years 0001 to 9999");
}

}  // namespace

void append_iso8601(std::string& out, Instant date) {
  if (date < earliest_date || date > latest_date) fail_out_of_years(date);
  auto since_march_0 =
      static_cast<std::uint64_t>(date.time_since_epoch().count() + days_to_epoch * ms_per_day);
  auto civil = civil_of(static_cast<std::uint32_t>(since_march_0 / ms_per_day));
  auto ms = static_cast<std::uint32_t>(since_march_0 % ms_per_day);
  std::uint32_t fraction = ms % 1000, second = ms / 1000;

  // Writes the digits in place: a text assembled elsewhere would be read back before the processor has stored
  // it.
  auto at = out.size();
  out.append(fraction == 0 ? "0000-00-00T00:00:00+00:00" : "0000-00-00T00:00:00.000000+00:00");
  char* text = out.data() + at;
  put2(text, civil.year / 100);
  put2(text + 2, civil.year % 100);
  put2(text + 5, civil.month);
  put2(text + 8, civil.day);
  put2(text + 11, second / 3600);
  put2(text + 14, second / 60 % 60);
  put2(text + 17, second % 60);
  if (fraction == 0) return;
  put2(text + 20, fraction / 10);
  text[22] = static_cast<char>('0' + fraction % 10);
}

std::optional<Instant> parse_iso8601(std::string_view text) {
  constexpr std::size_t without_fraction = 19;
  if (text.size() < without_fraction) return {};
  auto local = local_ms(text.data());
  text.remove_prefix(without_fraction);
  auto fraction = take_fraction(text);
  auto offset = offset_ms(text);
  if (!local || !fraction || !offset) return {};
  auto date = Instant(Duration(*local + *fraction - *offset));
  if (date < earliest_date || date > latest_date) return {};
  return date;
}

}  // namespace eventy
