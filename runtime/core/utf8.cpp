#include "eventy/core/utf8.hpp"

#include <bit>

namespace eventy {

namespace {

// The length of the valid sequence that `text` starts with, or 0.
std::size_t sequence(std::string_view text) {
  auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  auto first = at(0);
  std::size_t size = first < 0x80   ? 1
                     : first < 0xc2 ? 0
                     : first < 0xe0 ? 2
                     : first < 0xf0 ? 3
                     : first < 0xf5 ? 4
                                    : 0;
  if (size < 2) return size;
  if (text.size() < size) return 0;
  // The second byte excludes overlong forms, surrogates and code points above the last.
  unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (at(1) < low || at(1) > high) return 0;
  for (std::size_t i = 2; i < size; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  return size;
}

// How many of the first eight characters precede the first that is not ASCII.
std::size_t ascii_of_eight(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  word &= 0x8080808080808080;
  const auto zeros =
      std::endian::native == std::endian::little ? std::countr_zero(word) : std::countl_zero(word);
  return static_cast<std::size_t>(zeros) / 8;
}

}  // namespace

bool is_well_formed(std::string_view text) {
  while (!text.empty()) {
    const std::size_t plain =
        text.size() >= 8 ? ascii_of_eight(text.data()) : static_cast<signed char>(text[0]) >= 0;
    text.remove_prefix(plain);
    if (plain == 8 || (plain > 0 && text.size() < 8)) continue;
    const auto size = sequence(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace eventy
