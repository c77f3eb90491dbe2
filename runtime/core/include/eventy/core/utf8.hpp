// UTF-8 validation of texts that are read or written. ASCII, the common case, takes one step per eight bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace eventy {

// The last step overlaps the one before, so that no read passes the end.
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

// Copies the text and returns the bits that `mark` finds in it, eight characters at a time. It may see some
// characters twice, and blanks after a short text. For the usual short texts this is faster than a call of
// memcpy.
template <class Mark>
std::uint64_t copy_marked(char* to, std::string_view text, Mark mark) {
  auto copy = [&]<class Word>(std::size_t at, Word word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    std::memcpy(to + at, &word, sizeof word);
    return std::uint64_t{word};
  };
  auto size = text.size();
  std::uint64_t found = 0;
  if (size >= 8) {
    for (std::size_t i = 0; i + 8 < size; i += 8) found |= mark(copy(i, std::uint64_t{}));
    return found | mark(copy(size - 8, std::uint64_t{}));
  }
  if (size >= 4) return mark(copy(0, std::uint32_t{}) | copy(size - 4, std::uint32_t{}) << 32);
  if (size == 0) return 0;
  constexpr std::uint64_t blanks = 0x2020202020000000;
  return mark(blanks | copy(0, std::uint8_t{}) | copy(size / 2, std::uint8_t{}) << 8 |
              copy(size - 1, std::uint8_t{}) << 16);
}

// Well-formed UTF-8 (Unicode 15, table 3-7): no surrogates, no overlong forms, nothing above U+10FFFF.
bool is_well_formed(std::string_view text);

inline bool is_utf8(std::string_view text) { return is_ascii(text) || is_well_formed(text); }

// Copies a text; true if it is UTF-8.
inline bool copy_utf8(char* to, std::string_view text) {
  auto found = copy_marked(to, text, [](std::uint64_t word) { return word & 0x8080808080808080; });
  return found == 0 || is_well_formed(text);
}

}  // namespace eventy
