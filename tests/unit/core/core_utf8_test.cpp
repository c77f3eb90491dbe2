// Texts are checked and copied by words that overlap at the end: each length has its own edges.
#define CAF_SUITE core_utf8
#include "eventy/core/utf8.hpp"

#include <caf/test/unit_test.hpp>

#include <string>

namespace eventy {

namespace {

constexpr std::size_t max_length = 40;

std::string letters(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>('a' + i % 26);
  return text;
}

// What is copied, with marks around it that must stay.
std::string copied(std::string_view text, bool& good) {
  std::string out(text.size() + 2, '#');
  good = copy_utf8(out.data() + 1, text);
  return out;
}

}  // namespace

CAF_TEST(a_text_of_any_length_is_copied_and_nothing_beside_it) {
  for (std::size_t size = 0; size <= max_length; ++size) {
    bool good = false;
    CAF_CHECK_EQUAL(copied(letters(size), good), "#" + letters(size) + "#");
    CAF_CHECK(good);
  }
}

CAF_TEST(a_byte_that_is_not_utf8_is_found_at_any_place) {
  for (std::size_t size = 1; size <= max_length; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      auto text = letters(size);
      text[at] = '\xff';
      bool good = true;
      copied(text, good);
      CAF_CHECK(!good && !is_ascii(text) && !is_utf8(text));
    }
  }
}

CAF_TEST(characters_of_several_bytes_are_good_at_any_place) {
  for (std::string_view character : {"é", "„", "😀"}) {
    for (std::size_t before = 0; before <= max_length; ++before) {
      const auto text = letters(before) + std::string(character) + letters(before % 9);
      bool good = false;
      CAF_CHECK_EQUAL(copied(text, good), "#" + text + "#");
      CAF_CHECK(good && !is_ascii(text) && is_utf8(text));
    }
  }
}

CAF_TEST(forms_that_unicode_rules_out_are_none) {
  for (std::string_view text : {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                "\xf8\x88\x80\x80\x80", "\xc3", "\xe2\x80", "\x80", "a\xe2\x80"}) {
    CAF_CHECK(!is_utf8(text));
  }
}

}  // namespace eventy
