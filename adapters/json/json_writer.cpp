#include "json_writer.hpp"

#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <stdexcept>

#include "eventy/core/base64.hpp"
#include "eventy/core/utf8.hpp"
#include "eventy/json/json.hpp"

namespace eventy::json {

namespace detail {

namespace {

constexpr std::size_t number_room = 32;  // the longest number has 24 characters

constexpr std::uint64_t each_byte(std::uint64_t value) { return value * 0x0101010101010101; }

// Not zero if one of eight characters needs a closer look: a control character, a quote, a backslash or not
// ASCII. For the first three, finds bytes that are less than, or equal to, a value ("Bit Twiddling Hacks",
// Sean Eron Anderson).
std::uint64_t special(std::uint64_t eight) {
  auto control = (eight - each_byte(0x20)) & ~eight;
  auto quote = eight ^ each_byte('"'), backslash = eight ^ each_byte('\\');
  quote = (quote - each_byte(1)) & ~quote;
  backslash = (backslash - each_byte(1)) & ~backslash;
  return (control | quote | backslash | eight) & each_byte(0x80);
}

void append_escape(StringAppender& out, char c) {
  constexpr std::string_view named = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt", hex = "0123456789abcdef";
  auto at = named.find(c);
  if (at != named.npos) {
    out.put('\\');
    out.put(letters[at]);
    return;
  }
  out.append_literal("\\u00");
  out.put(hex[static_cast<unsigned char>(c) >> 4]);
  out.put(hex[static_cast<unsigned char>(c) & 15]);
}

}  // namespace

StringAppender& JsonWriter::start_object(std::string& out) {
  out_.attach(out);
  depth_ = 1;
  return out_;
}

void JsonWriter::end_object() { close('}'); }

void JsonWriter::leave_open() {
  out_.finish();
  depth_ = 0;
}

void JsonWriter::finish() {
  out_.drop_last();
  out_.finish();
}

void JsonWriter::boolean(bool value) {
  if (value) {
    literal("true,");
  } else {
    literal("false,");
  }
}

void JsonWriter::integer(std::int64_t value) {
  begin_value();
  char* to = out_.room(number_room);
  char* end = std::to_chars(to, to + number_room, value).ptr;
  *end++ = ',';
  out_.advance(static_cast<std::size_t>(end - to));
  end_value();
}

void JsonWriter::unsigned_integer(std::uint64_t value) {
  begin_value();
  char* to = out_.room(number_room);
  char* end = std::to_chars(to, to + number_room, value).ptr;
  *end++ = ',';
  out_.advance(static_cast<std::size_t>(end - to));
  end_value();
}

void JsonWriter::real(double value) {
  if (!std::isfinite(value)) {
    throw std::invalid_argument(std::string("JSON has no number for ") +
                                (std::isnan(value) ? "NaN" : "infinity"));
  }
  begin_value();
  char* to = out_.room(number_room);
  char* end = std::to_chars(to, to + number_room, value).ptr;
  std::string_view digits(to, static_cast<std::size_t>(end - to));
  if (digits.find_first_of(".e") == digits.npos) *end++ = '.', *end++ = '0';
  *end++ = ',';
  out_.advance(static_cast<std::size_t>(end - to));
  end_value();
}

void JsonWriter::text(std::string_view utf8) {
  begin_value();
  quoted(utf8, ',');
  end_value();
}

void JsonWriter::bytes(std::span<const std::byte> value) {
  begin_value();
  char* to = out_.room(base64_size(value.size()) + 3);
  char* end = to;
  *end++ = '"';
  end = encode_base64(value, end);
  *end++ = '"', *end++ = ',';
  out_.advance(static_cast<std::size_t>(end - to));
  end_value();
}

void JsonWriter::quoted(std::string_view utf8, char after) {
  char* to = out_.room(utf8.size() + 3);
  *to = '"';
  if (copy_marked(to + 1, utf8, special) == 0) [[likely]] {
    to[utf8.size() + 1] = '"';
    to[utf8.size() + 2] = after;
    out_.advance(utf8.size() + 3);
    return;
  }
  quoted_with_escapes(utf8);
  out_.put(after);
}

void JsonWriter::quoted_with_escapes(std::string_view utf8) {
  if (!simdjson::validate_utf8(utf8.data(), utf8.size())) throw std::invalid_argument("a text is not UTF-8");
  out_.put('"');
  std::size_t from = 0;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    auto c = static_cast<unsigned char>(utf8[i]);
    if (c >= 0x20 && c != '"' && c != '\\') [[likely]]
      continue;
    out_.append(utf8.substr(from, i - from));
    append_escape(out_, utf8[i]);
    from = i + 1;
  }
  out_.append(utf8.substr(from));
  out_.put('"');
}

}  // namespace detail

std::unique_ptr<Writer> make_writer(std::string& out) { return std::make_unique<detail::JsonWriter>(out); }

}  // namespace eventy::json
