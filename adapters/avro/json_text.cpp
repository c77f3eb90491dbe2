#include "json_text.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>

#include "schema.hpp"

namespace eventy::avro::detail {

namespace {

Value value_of(const simdjson::dom::element& element) {
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::OBJECT: {
      ValueMap map;
      const simdjson::dom::object object = element.get_object().value_unsafe();
      for (const auto& [name, inner] : object) map.emplace_back(std::string(name), value_of(inner));
      return {std::move(map)};
    }
    case element_type::ARRAY: {
      ValueList list;
      const simdjson::dom::array array = element.get_array().value_unsafe();
      for (const auto& inner : array) list.push_back(value_of(inner));
      return {std::move(list)};
    }
    case element_type::INT64:
      return {element.get_int64().value_unsafe()};
    case element_type::UINT64:
      return {element.get_uint64().value_unsafe()};
    case element_type::DOUBLE:
      return {element.get_double().value_unsafe()};
    case element_type::STRING:
      return {std::string(element.get_string().value_unsafe())};
    case element_type::BOOL:
      return {element.get_bool().value_unsafe()};
    case element_type::NULL_VALUE:
      break;
  }
  return {};
}

// One character of well-formed UTF-8, and its size in bytes.
std::pair<char32_t, std::size_t> character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> char32_t { return static_cast<unsigned char>(text.at(at + i)); };
  if (byte(0) < 0x80) return {byte(0), 1};
  if (byte(0) < 0xe0) return {(byte(0) & 0x1f) << 6 | (byte(1) & 0x3f), 2};
  if (byte(0) < 0xf0) return {(byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f), 3};
  return {(byte(0) & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f), 4};
}

void append_unit(std::string& out, char32_t unit) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += "0123456789abcdef"[unit >> shift & 15];
}

void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view named = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt";
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const auto [character, size] = character_at(text, at);
    const auto special = size == 1 ? named.find(text[at]) : named.npos;
    if (special != named.npos) {
      out += '\\';
      out += letters[special];
    } else if (character >= 0x20 && character < 0x80) {
      out += text[at];
    } else if (character >= 0x10000) {
      append_unit(out, 0xd800 + ((character - 0x10000) >> 10));
      append_unit(out, 0xdc00 + ((character - 0x10000) & 0x3ff));
    } else {
      append_unit(out, character);
    }
    at += size;
  }
  out += '"';
}

void append(std::string& out, const Value& json) {
  if (const auto* map = std::get_if<ValueMap>(&json.is)) {
    out += '{';
    for (const auto& [name, value] : *map) {
      if (out.back() != '{') out += ", ";
      append_quoted(out, name);
      out += ": ";
      append(out, value);
    }
    out += '}';
  } else if (const auto* list = std::get_if<ValueList>(&json.is)) {
    out += '[';
    for (std::size_t i = 0; i < list->size(); ++i) {
      if (i > 0) out += ", ";
      append(out, (*list)[i]);
    }
    out += ']';
  } else if (const auto* text = std::get_if<std::string>(&json.is)) {
    append_quoted(out, *text);
  } else if (const auto* integer = std::get_if<std::int64_t>(&json.is)) {
    out += std::to_string(*integer);
  } else if (const auto* large = std::get_if<std::uint64_t>(&json.is)) {
    out += std::to_string(*large);
  } else if (const auto* real = std::get_if<double>(&json.is)) {
    out += python_real(*real);
  } else if (const auto* yes = std::get_if<bool>(&json.is)) {
    out += *yes ? "true" : "false";
  } else {
    out += "null";
  }
}

// simdjson rejects a whole text for one number that 64 bits cannot hold. In a record's schema only a default
// or a custom attribute, which are never read, can be such a number. So this replaces all long numbers by 0.
std::string with_long_numbers_blanked(std::string_view text) {
  constexpr std::size_t shorter_than_any = 19;
  std::string out(text);
  bool in_text = false;
  for (std::size_t at = 0; at < out.size(); ++at) {
    const char c = out[at];
    if (in_text) {
      if (c == '\\') ++at;
      in_text = c != '"';
    } else if (c == '"') {
      in_text = true;
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      const auto end = std::min(out.find_first_not_of("+-.0123456789Ee", at), out.size());
      const std::string_view number = std::string_view(out).substr(at, end - at);
      if (number.size() >= shorter_than_any || number.find_first_of("Ee") != number.npos) {
        out.replace(at, end - at, end - at, ' ');
        out[at] = '0';
      }
      at = end - 1;
    }
  }
  return out;
}

}  // namespace

Value parse_json(std::string_view text) {
  if (text.size() > max_schema_bytes)
    throw DecodeError("the schema has more than the limit of " + std::to_string(max_schema_bytes) + " bytes");
  simdjson::dom::parser parser;
  // Each level of a schema takes up to three levels of JSON: fields, a field, its type.
  if (parser.allocate(text.size() + 1, 4 * max_schema_depth)) throw std::bad_alloc();
  simdjson::dom::element root;
  auto error = parser.parse(text.data(), text.size()).get(root);
  if (error == simdjson::NUMBER_ERROR) error = parser.parse(with_long_numbers_blanked(text)).get(root);
  if (error) throw DecodeError(std::string("the schema is not JSON: ") + simdjson::error_message(error));
  return value_of(root);
}

std::string python_json(const Value& json) {
  std::string out;
  append(out, json);
  return out;
}

std::string python_real(double value) {
  char digits[32];
  auto* end = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::scientific).ptr;
  const std::string_view text(digits, static_cast<std::size_t>(end - digits));
  const int exponent = std::atoi(std::string(text.substr(text.find('e') + 1)).c_str());
  if (exponent < -4 || exponent >= 16) return std::string(text);
  end = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed).ptr;
  std::string fixed(digits, end);
  if (fixed.find('.') == fixed.npos) fixed += ".0";
  return fixed;
}

}  // namespace eventy::avro::detail
