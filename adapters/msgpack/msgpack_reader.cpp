#include "msgpack_reader.hpp"

#include <algorithm>
#include <string>

namespace eventy::msgpack::detail {

namespace {

const char* name_of(Tag tag) {
  switch (tag) {
    case Tag::end:
      return "the end";
    case Tag::null:
      return "null";
    case Tag::boolean:
      return "a boolean";
    case Tag::integer:
    case Tag::unsigned_integer:
      return "an integer";
    case Tag::real:
      return "a real";
    case Tag::text:
      return "text";
    case Tag::bytes:
      return "bytes";
    case Tag::instant:
      return "a timestamp";
    case Tag::extension:
      return "an extension other than a timestamp";
    case Tag::beyond:
      return "a timestamp that milliseconds in 64 bits cannot hold";
    case Tag::list:
      return "a list";
    case Tag::map:
      return "a map";
  }
  return "something else";
}

}  // namespace

void fail_type(const char* wanted, const Token& found) {
  throw DecodeError(std::string("must be ") + wanted + ", not " + name_of(found.tag));
}

ValueType TapeReader::type() {
  switch (place_.token().tag) {
    case Tag::null:
      return ValueType::null;
    case Tag::boolean:
      return ValueType::boolean;
    case Tag::integer:
    case Tag::instant:  // a caller without a type gets milliseconds, as in JSON
      return ValueType::integer;
    case Tag::unsigned_integer:
      return ValueType::unsigned_integer;
    case Tag::real:
      return ValueType::real;
    case Tag::text:
      return ValueType::text;
    case Tag::bytes:
      return ValueType::bytes;
    case Tag::list:
      return ValueType::list;
    case Tag::map:
      return ValueType::map;
    case Tag::extension:
    case Tag::beyond:
    case Tag::end:
      break;
  }
  fail_type("a value", place_.token());
}

void TapeReader::open_map() { take(Tag::map, "a map"); }

bool TapeReader::member(std::string_view& name) {
  const Token& token = place_.token();
  ++place_.at;
  if (token.tag == Tag::end) return false;
  name = token.view();
  return true;
}

void TapeReader::open_list() { take(Tag::list, "a list"); }

bool TapeReader::item() {
  if (place_.token().tag != Tag::end) return true;
  ++place_.at;
  return false;
}

bool TapeReader::null() {
  if (place_.token().tag != Tag::null) return false;
  ++place_.at;
  return true;
}

bool TapeReader::boolean() { return take(Tag::boolean, "a boolean").integer != 0; }

std::int64_t TapeReader::integer() {
  const Token& token = place_.token();
  if (token.tag == Tag::unsigned_integer) {
    eventy::detail::fail_out_of_range(std::to_string(token.unsigned_integer));
  }
  if (token.tag != Tag::integer && token.tag != Tag::instant) fail_type("an integer", token);
  ++place_.at;
  return token.integer;
}

std::uint64_t TapeReader::unsigned_integer() {
  const Token& token = place_.token();
  if (token.tag == Tag::unsigned_integer) {
    ++place_.at;
    return token.unsigned_integer;
  }
  if (token.tag != Tag::integer) fail_type("an integer", token);
  if (token.integer < 0) eventy::detail::fail_out_of_range(std::to_string(token.integer));
  ++place_.at;
  return static_cast<std::uint64_t>(token.integer);
}

double TapeReader::real() {
  const Token& token = place_.token();
  ++place_.at;
  if (token.tag == Tag::real) return token.real;
  if (token.tag == Tag::integer) return static_cast<double>(token.integer);
  if (token.tag == Tag::unsigned_integer) return static_cast<double>(token.unsigned_integer);
  fail_type("a number", token);
}

std::string_view TapeReader::text() { return take(Tag::text, "text").view(); }

void TapeReader::bytes(std::vector<std::byte>& out) {
  auto view = take(Tag::bytes, "bytes").view();
  auto* start = reinterpret_cast<const std::byte*>(view.data());
  out.assign(start, start + view.size());
}

Instant TapeReader::instant() {
  const Token& token = place_.token();
  if (token.tag != Tag::instant && token.tag != Tag::integer) [[unlikely]] {
    if (token.tag == Tag::unsigned_integer)
      eventy::detail::fail_out_of_range(std::to_string(token.unsigned_integer));
    fail_type("a timestamp", token);
  }
  ++place_.at;
  return Instant(Duration(token.integer));
}

void TapeReader::skip() {
  if (place_.token().tag == Tag::end) type();
  refuse_member_twice(place_);
  place_.at = place_.behind();
}

void refuse_name_twice(std::vector<std::string_view>& names) {
  std::sort(names.begin(), names.end());
  auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) eventy::detail::fail_member_twice(*twice);
}

void refuse_member_twice(Place value) {
  std::vector<std::string_view> names;
  for (auto end = value.behind(); value.at < end; ++value.at) {
    if (value.token().tag != Tag::map) continue;
    names.clear();
    auto inner = value;
    for (++inner.at; inner.token().tag != Tag::end; inner.at = inner.behind()) {
      names.push_back(inner.token().view());
      ++inner.at;
    }
    refuse_name_twice(names);
  }
}

}  // namespace eventy::msgpack::detail
