// MessagePack's timestamp extension (MessagePack specification, "Timestamp extension type"). Writes the
// 96-bit form: nanoseconds of the second, then signed seconds since 1970. Reads all three forms.
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
bool is_timestamp(std::string_view body);  // checks its size and the range of its nanoseconds
// `body` must be a timestamp. nullopt: 64 bits of milliseconds cannot hold it.
std::optional<Instant> instant_of(std::string_view body);

}  // namespace eventy::msgpack::detail
