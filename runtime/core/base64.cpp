#include "eventy/core/base64.hpp"

#include <array>
#include <cstdint>

namespace eventy {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t no_digit = 64;

constexpr auto digit_of = [] {
  std::array<std::uint8_t, 256> out{};
  out.fill(no_digit);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    out[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return out;
}();

// Four digits, of which the last `padding` are `=`; false where one is none.
bool read_group(const char* text, std::size_t padding, std::uint32_t& out) {
  out = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    auto digit = digit_of[static_cast<unsigned char>(text[i])];
    if (i >= 4 - padding) digit = 0;
    if (digit == no_digit) return false;
    out = out << 6 | digit;
  }
  return true;
}

}  // namespace

char* encode_base64(std::span<const std::byte> bytes, char* to) {
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    auto left = bytes.size() - i;
    auto at = [&](std::size_t k) { return k < left ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0; };
    auto group = at(0) << 16 | at(1) << 8 | at(2);
    *to++ = alphabet[group >> 18];
    *to++ = alphabet[group >> 12 & 63];
    *to++ = left > 1 ? alphabet[group >> 6 & 63] : '=';
    *to++ = left > 2 ? alphabet[group & 63] : '=';
  }
  return to;
}

std::optional<std::size_t> decode_base64(std::string_view text, std::byte* to) {
  if (text.size() % 4 != 0) return {};
  const std::byte* const first = to;
  std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    auto absent = i + 4 == text.size() ? padding : 0;
    std::uint32_t group = 0;
    if (!read_group(text.data() + i, absent, group)) return {};
    auto unused = (std::uint32_t{1} << (8 * absent)) - 1;
    if (group & unused) return {};
    for (std::size_t k = 0; k < 3 - absent; ++k) *to++ = static_cast<std::byte>(group >> (16 - 8 * k));
  }
  return static_cast<std::size_t>(to - first);
}

}  // namespace eventy
