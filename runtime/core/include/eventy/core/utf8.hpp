// The check of every text, on reading and on writing: most are ASCII, which takes one step per eight bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace eventy {

// Steps overlap at the end rather than go over it.
inline bool is_ascii(std::string_view text) {
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  auto word_at = [&]<class Word>(std::size_t at, Word word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    return std::uint64_t{word};
  };
  auto size = text.size();
  std::uint64_t found = 0;
  if (size >= 8) {
    for (std::size_t i = 0; i + 8 < size; i += 8) found |= word_at(i, std::uint64_t{});
    found |= word_at(size - 8, std::uint64_t{});
  } else if (size >= 4) {
    found = word_at(0, std::uint32_t{}) | word_at(size - 4, std::uint32_t{});
  } else if (size > 0) {
    for (std::size_t i : {std::size_t{0}, size / 2, size - 1}) found |= static_cast<unsigned char>(text[i]);
  }
  return (found & high_bits) == 0;
}

// Well-formed UTF-8 (Unicode 15, table 3-7): no surrogates, no overlong forms, nothing above U+10FFFF.
bool is_well_formed(std::string_view text);

inline bool is_utf8(std::string_view text) { return is_ascii(text) || is_well_formed(text); }

}  // namespace eventy
