// The counter workload written by hand: Clicked records in, Counted records out, as the protocol's JSON.
#pragma once

#include <charconv>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

namespace eventy::benchmark {

// A v4 uuid of a generator that is good enough for a measurement.
inline void append_uuid(std::string& out, std::uint64_t& seed) {
  static constexpr char digits[] = "0123456789abcdef";
  std::uint64_t words[2];
  for (auto& word : words) {
    seed += 0x9e3779b97f4a7c15u;
    word = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9u;
    word = (word ^ word >> 27) * 0x94d049bb133111ebu;
  }
  char text[36];
  std::size_t at = 0;
  for (unsigned i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) text[at++] = '-';
    text[at++] = digits[words[i / 16] >> 4 * (i % 16) & 15];
  }
  text[14] = '4';
  text[19] = digits[8 + (words[1] & 3)];
  out.append(text, sizeof text);
}

inline void append_number(std::string& out, std::int64_t n) {
  char text[20];
  out.append(text, std::to_chars(text, text + sizeof text, n).ptr);
}

// Both members of the date, with the commas around them.
inline void append_date(std::string& out, std::int64_t ms) {
  const std::time_t s = ms / 1000;
  std::tm tm{};
  gmtime_r(&s, &tm);
  char text[48];
  out += R"(,"date_timestamp":)";
  append_number(out, ms);
  out.append(text, std::strftime(text, sizeof text, R"(,"date_iso8601":"%Y-%m-%dT%H:%M:%S)", &tm));
  std::snprintf(text, sizeof text, R"(.%03d000+00:00")", static_cast<int>(ms % 1000));
  out += text;
}

// `keys` is no multiple of 7919, so each of them comes once in so many records.
inline constexpr std::uint64_t workload_keys = 10'000;
inline std::string workload_key(std::uint64_t i, std::uint64_t keys = workload_keys) {
  return "user-" + std::to_string(keys + i * 7919 % keys);
}

// Record number `i`; the number is in its correlation id too, which what it causes inherits.
inline constexpr std::int64_t first_chain = 100'000'000'000;
inline std::string clicked_record(std::uint64_t i, const std::string& key, std::int64_t ms,
                                  std::uint64_t& seed) {
  std::string out =
      R"({"type":"EVENT","namespace":"urn:bench","name":"Clicked","protocol_version":"3.0.0","version":"1.0.0","source":"urn:bench","uuid":")";
  append_uuid(out, seed);
  out += R"(","correlation_id":"bench:)";
  append_number(out, first_chain + static_cast<std::int64_t>(i));
  out += R"(","partition_key":")" + key + '"';
  append_date(out, ms);
  out += R"(,"context":{},"data":{"n":)";
  append_number(out, static_cast<std::int64_t>(i));
  out += R"(,"page":"/products/teapots/cast-iron"}})";
  return out;
}

}  // namespace eventy::benchmark
