#include "timestamp.hpp"

namespace eventy::msgpack::detail {

namespace {

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t v = 0;
  for (const char c : bytes) v = v << 8 | static_cast<unsigned char>(c);
  return v;
}

struct Parts {
  std::int64_t seconds = 0;
  std::uint64_t nanoseconds = 0;
};

Parts parts_of(std::string_view body) {
  if (body.size() == 4) return {.seconds = static_cast<std::int64_t>(big_endian(body))};
  if (body.size() == 8) {
    const std::uint64_t both = big_endian(body);
    return {static_cast<std::int64_t>(both & 0x3'ffff'ffff), both >> 34};
  }
  return {static_cast<std::int64_t>(big_endian(body.substr(4))), big_endian(body.substr(0, 4))};
}

}  // namespace

Timestamp timestamp_of(Instant value) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(value);
  const auto nanoseconds = static_cast<std::uint64_t>(std::chrono::nanoseconds(value - whole).count());
  const auto seconds = static_cast<std::uint64_t>(whole.time_since_epoch().count());
  Timestamp timestamp;
  auto& body = timestamp.bytes;
  for (std::size_t i = 0; i < 4; ++i) body[i] = static_cast<char>(nanoseconds >> (8 * (3 - i)));
  for (std::size_t i = 0; i < 8; ++i) body[4 + i] = static_cast<char>(seconds >> (8 * (7 - i)));
  return timestamp;
}

bool is_timestamp(std::string_view body) {
  const auto size = body.size();
  return (size == 4 || size == 8 || size == 12) && parts_of(body).nanoseconds <= 999'999'999;
}

std::optional<Instant> instant_of(std::string_view body) {
  auto [seconds, nanoseconds] = parts_of(body);
  auto ms = static_cast<std::int64_t>(nanoseconds / 1'000'000);
  // The first second of the range starts before the range, so it would overflow.
  if (seconds < 0) ++seconds, ms -= 1000;
  std::int64_t count = 0;
  if (__builtin_mul_overflow(seconds, std::int64_t{1000}, &count) ||
      __builtin_add_overflow(count, ms, &count))
    return std::nullopt;
  return Instant(Duration(count));
}

}  // namespace eventy::msgpack::detail
