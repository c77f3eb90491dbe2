// The wire format of Protocol Buffers (protobuf.dev, "Encoding"): varints, tags, blocks of bytes. One thread.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "eventy/core/codec.hpp"

namespace eventy::protobuf::detail {

enum class Wire : std::uint8_t { varint = 0, fixed64 = 1, block = 2, fixed32 = 5 };

constexpr std::uint32_t tag(std::uint32_t field, Wire wire) {
  return field << 3 | static_cast<std::uint32_t>(wire);
}

constexpr std::uint64_t zigzag(std::int64_t v) {
  return static_cast<std::uint64_t>(v) << 1 ^ static_cast<std::uint64_t>(v >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t v) {
  return static_cast<std::int64_t>(v >> 1 ^ (~(v & 1) + 1));
}

constexpr std::size_t varint_size(std::uint64_t v) {
  return (static_cast<std::size_t>(std::bit_width(v | 1)) + 6) / 7;
}
inline char* put_varint(char* to, std::uint64_t v) {
  for (; v >= 0x80; v >>= 7) *to++ = static_cast<char>(v | 0x80);
  *to++ = static_cast<char>(v);
  return to;
}

[[noreturn]] void fail_truncated();
[[noreturn]] void fail_varint();
[[noreturn]] void fail_wire(std::uint32_t tag);

// Walks over the bytes of one message. Checks every size against the bytes that are left before it uses it.
class WireCursor {
 public:
  WireCursor() = default;
  explicit WireCursor(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool done() const { return at_ == end_; }
  std::string_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }

  std::uint64_t varint() {
    if (at_ != end_ && static_cast<signed char>(*at_) >= 0) [[likely]]
      return static_cast<unsigned char>(*at_++);
    return long_varint();
  }
  std::uint32_t tag() {
    const auto v = varint();
    if (v > 0xffff'ffff || v >> 3 == 0) fail_varint();
    return static_cast<std::uint32_t>(v);
  }
  std::string_view block() {
    const auto size = varint();
    if (size > static_cast<std::size_t>(end_ - at_)) fail_truncated();
    const std::string_view out(at_, size);
    at_ += size;
    return out;
  }
  std::uint64_t fixed64() {
    if (end_ - at_ < 8) fail_truncated();
    std::uint64_t v;
    std::memcpy(&v, at_, sizeof v);
    static_assert(std::endian::native == std::endian::little);
    at_ += sizeof v;
    return v;
  }
  // Skips an unknown field. Refuses groups, which are deprecated.
  void skip(std::uint32_t tag);

 private:
  std::uint64_t long_varint();

  const char *at_ = nullptr, *end_ = nullptr;
};

}  // namespace eventy::protobuf::detail
