// The counter workload: Clicked records as the protocol's JSON of about 400 bytes, over 10,000 keys.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "eventy/json/json.hpp"
#include "eventy/store/record_store.hpp"

namespace eventy::benchmark {

inline constexpr std::uint32_t partitions = 8;
inline constexpr std::size_t keys = 10'000;

inline std::string key_of(std::size_t i) { return "user-" + std::to_string(10'000 + i * 7919 % keys); }

// Record number `i`, with its uuid random.
inline NewRecord clicked(std::size_t i, Encoder& encoder) {
  Record record(Kind::event, "urn:bench", "Clicked", "urn:bench");
  const std::string key = key_of(i);
  record.set_partition_key(key);
  record.set_correlation_id("bench:Clicked:q1w2e3r4t5y");
  record.data = {{"n", Value{static_cast<std::int64_t>(i)}},
                 {"page", Value{std::string("/products/teapots/cast-iron")}}};
  return {.key = key, .value = encode(record, encoder)};
}

struct Usage {
  double wall = 0, cpu = 0;  // seconds
};
inline double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}
inline Usage usage_now(int who = RUSAGE_SELF) {
  rusage u{};
  getrusage(who, &u);
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return {std::chrono::duration<double>(now).count(), seconds(u.ru_utime) + seconds(u.ru_stime)};
}
inline Usage operator-(const Usage& a, const Usage& b) { return {a.wall - b.wall, a.cpu - b.cpu}; }

inline double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.at(v.size() / 2);
}

}  // namespace eventy::benchmark
