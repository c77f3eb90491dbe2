// MessagePack's timestamp extension in its 96-bit form: nanoseconds of the second, then signed seconds since
// 1970 (MessagePack specification, "Timestamp extension type"). All three forms are read.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "eventy/core/types.hpp"

namespace eventy::msgpack::detail {

inline constexpr std::int8_t timestamp_type = -1;

struct Timestamp {  // the body of the extension
  std::array<char, 12> bytes = {};
  std::size_t size = bytes.size();
};
Timestamp timestamp_of(Instant value);
bool is_timestamp(std::string_view body);  // by its size, and the range of its nanoseconds
// Of such a body. nullopt: a time that milliseconds in 64 bits do not hold.
std::optional<Instant> instant_of(std::string_view body);

}  // namespace eventy::msgpack::detail
