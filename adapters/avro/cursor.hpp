// Reads and writes Avro's binary encoding of simple values. Checks every size against the bytes that are left
// before it uses it. One thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "eventy/core/codec.hpp"

namespace eventy::avro::detail {

static_assert(std::endian::native == std::endian::little, "Avro's reals are little-endian");

[[noreturn]] void fail_end();  // the bytes end too early
[[noreturn]] void fail_varint();

class ByteCursor {
 public:
  ByteCursor() = default;
  explicit ByteCursor(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  std::string_view rest() const { return {at_, left()}; }

  std::string_view take(std::size_t size) {
    if (size > left()) [[unlikely]]
      fail_end();
    std::string_view bytes(at_, size);
    at_ += size;
    return bytes;
  }
  std::uint8_t byte() { return static_cast<std::uint8_t>(take(1)[0]); }
  // An int or long: zigzag, base 128, low group first.
  std::int64_t integer() {
    if (at_ != end_) [[likely]] {
      const auto first = static_cast<std::uint8_t>(*at_);
      if (first < 0x80) [[likely]] {
        ++at_;
        return static_cast<std::int64_t>(first >> 1) ^ -static_cast<std::int64_t>(first & 1);
      }
    }
    return long_integer();
  }
  template <class T>
  T real() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  // A string or bytes.
  std::string_view sized() {
    const auto size = integer();
    if (size < 0 || static_cast<std::uint64_t>(size) > left()) [[unlikely]]
      fail_size(size);
    return take(static_cast<std::size_t>(size));
  }

 private:
  std::int64_t long_integer();
  [[noreturn]] void fail_size(std::int64_t size) const;

  const char *at_ = nullptr, *end_ = nullptr;
};

void append_integer(std::string& out, std::int64_t value);
void append_sized(std::string& out, std::string_view bytes);
template <class T>
void append_real(std::string& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof bytes);
}

}  // namespace eventy::avro::detail
