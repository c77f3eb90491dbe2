// Protocol Buffers by hand, for tests of hostile bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace eventy::tests {

inline std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
// A field of text, bytes or a message.
inline std::string block(std::uint32_t field, std::string_view bytes) {
  return varint(field << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}

}  // namespace eventy::tests
