#include "timestamp.hpp"

namespace eventy::msgpack::detail {

namespace {

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t v = 0;
  for (const char c : bytes) v = v << 8 | static_cast<unsigned char>(c);
  return v;
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

std::optional<Instant> instant_of(std::string_view body) {
  std::uint64_t nanoseconds = 0;
  std::int64_t seconds = 0;
  if (body.size() == 4) {
    seconds = static_cast<std::int64_t>(big_endian(body));
  } else if (body.size() == 8) {
    const std::uint64_t both = big_endian(body);
    nanoseconds = both >> 34;
    seconds = static_cast<std::int64_t>(both & 0x3'ffff'ffff);
  } else if (body.size() == 12) {
    nanoseconds = big_endian(body.substr(0, 4));
    seconds = static_cast<std::int64_t>(big_endian(body.substr(4)));
  } else {
    return std::nullopt;
  }
  constexpr std::int64_t most_seconds = INT64_MAX / 1000 - 1;
  if (nanoseconds > 999'999'999 || seconds > most_seconds || seconds < -most_seconds) return std::nullopt;
  return Instant(Duration(seconds * 1000 + static_cast<std::int64_t>(nanoseconds / 1'000'000)));
}

}  // namespace eventy::msgpack::detail
