#include "quote.hpp"

#include "eventy/core/one_line.hpp"

namespace eventy::detail {

namespace {

bool continues(std::string_view s, std::size_t at) {
  return at < s.size() && (static_cast<unsigned char>(s[at]) & 0xc0) == 0x80;
}

// The size of the printable UTF-8 character that `s` starts with; 0 for control characters and invalid
// sequences.
std::size_t character(std::string_view s) {
  auto first = static_cast<unsigned char>(s[0]);
  auto second = s.size() > 1 ? static_cast<unsigned char>(s[1]) : 0;
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  if (first < 0xc2 || first > 0xf4 || !continues(s, 1)) return 0;
  if (first < 0xe0) return first == 0xc2 && second < 0xa0 ? 0 : 2;  // U+0080 to U+009F control terminals too
  if (!continues(s, 2) || (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
  // Line separators and direction marks would break or reorder the line.
  if (first == 0xe2 && second == 0x80 && static_cast<unsigned char>(s[2]) >= 0xa8) {
    return static_cast<unsigned char>(s[2]) <= 0xae ? 0 : 3;
  }
  if (first < 0xf0) return 3;
  bool overlong = first == 0xf0 && second < 0x90, beyond = first == 0xf4 && second > 0x8f;
  return continues(s, 3) && !overlong && !beyond ? 4 : 0;
}

void append_escaped(std::string& out, char c) {
  constexpr char hex[] = "0123456789abcdef";
  auto byte = static_cast<unsigned char>(c);
  if (c == '\n') {
    out += "\\n";
  } else {
    out += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
  }
}

void append_printable(std::string& out, std::string_view text, std::string_view also_escaped,
                      std::size_t most = quote_limit) {
  std::size_t at = 0;
  while (at < text.size() && at < most) {
    auto length = character(text.substr(at));
    if (length == 0) {
      append_escaped(out, text[at++]);
      continue;
    }
    if (also_escaped.find(text[at]) != also_escaped.npos) out += '\\';
    out += text.substr(at, length);
    at += length;
  }
  if (at < text.size()) out += "...";
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  append_printable(out, text, "");
  return out;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  append_printable(out, text, "\"\\");
  return out += '"';
}

}  // namespace eventy::detail

namespace eventy {

std::string one_line(std::string_view text, std::size_t most) {
  std::string out;
  detail::append_printable(out, text, "", most);
  return out;
}

}  // namespace eventy
