// The spelling of a record's date (protocol.md, "JSON"): written as `2026-01-02T01:04:05.678000+00:00`; read
// with any UTC offset or `Z`, and with three, six or no fraction digits.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "eventy/core/types.hpp"

namespace eventy {

// The first and the last date that can be spelled so: the years 0001 to 9999.
inline constexpr Instant earliest_date{Duration{-62'135'596'800'000}},
    latest_date{Duration{253'402'300'799'999}};

// Appends the date in UTC with six fraction digits, or none if the fraction is zero.
// Throws std::invalid_argument outside earliest_date to latest_date.
void append_iso8601(std::string& out, Instant date);
// Truncates to milliseconds, towards the past. nullopt if the text is not such a date, has no offset, or
// names a day or second that does not exist.
std::optional<Instant> parse_iso8601(std::string_view text);

}  // namespace eventy
