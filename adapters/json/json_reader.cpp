#include "json_reader.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "eventy/core/base64.hpp"
#include "eventy/core/date.hpp"
#include "eventy/core/decoding.hpp"
#include "eventy/json/json.hpp"

namespace eventy::json {

namespace detail {

namespace {

constexpr std::size_t least_room = 4096;
constexpr std::size_t much_room = 1u << 20;  // more is freed when records need an eighth of it or less

constexpr std::uint64_t word(Tag tag, std::uint64_t rest) {
  return static_cast<std::uint64_t>(tag) << 56 | rest;
}

const char* name_of(Tag tag) {
  switch (tag) {
    case Tag::map:
      return "a map";
    case Tag::list:
      return "a list";
    case Tag::text:
      return "text";
    case Tag::integer:
    case Tag::unsigned_integer:
      return "an integer";
    case Tag::real:
      return "a real";
    case Tag::beyond:
      return "a number that 64 bits cannot hold";
    case Tag::yes:
    case Tag::no:
      return "a boolean";
    case Tag::null:
      return "null";
    case Tag::root:
    case Tag::map_end:
    case Tag::list_end:
      break;
  }
  return "the end";
}

// Counts members, items and the root.
std::size_t count_elements(Place place, std::size_t end) {
  std::size_t words = 0, names = 0;
  for (; place.at < end; place.at = place.next()) {
    auto tag = place.tag();
    words += tag != Tag::map_end && tag != Tag::list_end;
    if (tag != Tag::map) continue;
    auto inner = place;
    for (++inner.at; inner.tag() != Tag::map_end; inner.at = inner.behind()) ++inner.at, ++names;
  }
  return words - names;
}

// The size of the number at the start of a text, by the grammar of JSON. 0: there is no number.
std::size_t end_of_number(std::string_view text) {
  std::size_t at = text.starts_with('-');
  const auto digits = [&] {
    const std::size_t first = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - first;
  };
  const bool zero = at < text.size() && text[at] == '0';
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return 0;
  if (at < text.size() && text[at] == '.')
    if (++at; digits() == 0) return 0;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return 0;
  }
  return at;
}

bool is_beyond(const std::string& number) {
  const char *first = number.data(), *last = first + number.size();
  if (number.find_first_of(".eE") != std::string::npos) return std::isinf(std::strtod(first, nullptr));
  std::int64_t n = 0;
  std::uint64_t u = 0;
  return std::from_chars(first, last, n).ec != std::errc() &&
         std::from_chars(first, last, u).ec != std::errc();
}

// Replaces numbers that 64 bits cannot hold by 0. Returns their indexes among all numbers of the text.
std::vector<std::size_t> blank_numbers_beyond(std::string& text) {
  std::vector<std::size_t> found;
  std::size_t numbers = 0;
  bool in_text = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_text) {
      if (c == '\\') ++at;
      in_text = c != '"';
    } else if (c == '"') {
      in_text = true;
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      const std::size_t size = end_of_number(std::string_view(text).substr(at));
      if (size == 0) return {};  // not JSON
      if (is_beyond(text.substr(at, size))) {
        text.replace(at, size, size, ' ');
        text[at] = '0';
        found.push_back(numbers);
      }
      ++numbers;
      at += size - 1;
    }
  }
  return found;
}

// True for an error about a number that 64 bits cannot hold. Newer versions of simdjson have one for
// integers.
template <class Error>
constexpr bool concerns_number(Error error) {
  if constexpr (requires { Error::BIGINT_ERROR; }) {
    if (error == Error::BIGINT_ERROR) return true;
  }
  return error == Error::NUMBER_ERROR;
}

}  // namespace

Place empty_map() {
  static constexpr std::uint64_t tape[] = {word(Tag::map, 2), word(Tag::map_end, 0), word(Tag::root, 0)};
  return {tape, nullptr, 0};
}

void fail_type(const char* wanted, Place found) {
  throw DecodeError(std::string("must be ") + wanted + ", not " + name_of(found.tag()));
}

void Document::make_room(std::size_t bytes) {
  auto held = parser_.capacity();
  bool too_small = held<bytes, too_large = held> much_room && bytes < held / 8;
  if (!too_small && !too_large) [[likely]]
    return;
  auto room = std::bit_ceil(std::max(bytes, least_room));
  // simdjson counts the depth of contents too, so the limit needs one more.
  auto depth = limits_.max_depth + 1;
  if (parser_.allocate(room, depth) || parser_.doc.allocate(room)) throw std::bad_alloc();
}

// simdjson rejects a whole text for one number that 64 bits cannot hold, even if nobody reads it. So this
// parses such numbers as 0 and tags them on the tape: only reading one is an error, which has its path.
simdjson::error_code Document::parse_numbers_beyond(std::string_view text) {
  std::string copy;
  copy.reserve(text.size() + value_padding);
  copy.append(text).append(value_padding, ' ');
  const auto beyond = blank_numbers_beyond(copy);
  if (beyond.empty()) return simdjson::NUMBER_ERROR;
  if (const auto error = parser_.parse(copy.data(), text.size(), false).error()) return error;
  std::uint64_t* tape = parser_.doc.tape.get();
  Place place{tape, nullptr, 1};
  const auto end = static_cast<std::uint32_t>(tape[0]) - 1;
  auto next = beyond.begin();
  for (std::size_t number = 0; place.at < end && next != beyond.end(); place.at = place.next()) {
    if (!Place::is_number(place.tag()) || number++ != *next) continue;
    tape[place.at] = word(Tag::beyond, 0);
    ++next;
  }
  return simdjson::SUCCESS;
}

Place Document::parse(std::string_view text) {
  if (text.empty()) throw DecodeError("not JSON: there are no bytes");
  eventy::detail::refuse_size(text, limits_.max_bytes);
  if (text.starts_with("\xef\xbb\xbf"))  // newer versions of simdjson pass over it
    throw DecodeError("not JSON: it begins with a byte order mark");
  make_room(text.size());
  auto error = parser_.parse(text.data(), text.size(), false).error();
  if (concerns_number(error)) error = parse_numbers_beyond(text);
  if (error) {
    if (error == simdjson::DEPTH_ERROR) {
      throw DecodeError("maps and lists are nested deeper than the limit of " +
                        std::to_string(limits_.max_depth));
    }
    throw DecodeError(std::string("not JSON: ") + simdjson::error_message(error) + format_hint(text));
  }
  Place root{parser_.doc.tape.get(), parser_.doc.string_buf.get(), 1};
  auto end = static_cast<std::uint32_t>(root.tape[0]);
  if (end > limits_.max_elements && count_elements(root, end - 1) > limits_.max_elements + 1) {
    throw DecodeError("more members and items than the limit of " + std::to_string(limits_.max_elements));
  }
  return root;
}

ValueType TapeReader::type() {
  switch (place_.tag()) {
    case Tag::map:
      return ValueType::map;
    case Tag::list:
      return ValueType::list;
    case Tag::text:
      return ValueType::text;
    case Tag::integer:
      return ValueType::integer;
    case Tag::unsigned_integer:
      return ValueType::unsigned_integer;
    case Tag::real:
      return ValueType::real;
    case Tag::yes:
    case Tag::no:
      return ValueType::boolean;
    case Tag::null:
      return ValueType::null;
    case Tag::beyond:
    case Tag::root:
    case Tag::map_end:
    case Tag::list_end:
      break;
  }
  fail_type("a value", place_);
}

void TapeReader::open_map() {
  if (place_.tag() != Tag::map) fail_type("a map", place_);
  ++place_.at;
}

bool TapeReader::member(std::string_view& name) {
  if (place_.tag() == Tag::text) [[likely]] {
    name = place_.text();
    ++place_.at;
    return true;
  }
  if (place_.tag() != Tag::map_end) fail_type("a member", place_);
  ++place_.at;
  return false;
}

void TapeReader::open_list() {
  if (place_.tag() != Tag::list) fail_type("a list", place_);
  ++place_.at;
}

bool TapeReader::item() {
  if (place_.tag() != Tag::list_end) return true;
  ++place_.at;
  return false;
}

bool TapeReader::null() {
  if (place_.tag() != Tag::null) return false;
  ++place_.at;
  return true;
}

bool TapeReader::boolean() {
  auto tag = place_.tag();
  if (tag != Tag::yes && tag != Tag::no) fail_type("a boolean", place_);
  ++place_.at;
  return tag == Tag::yes;
}

std::int64_t TapeReader::integer() {
  if (place_.tag() != Tag::integer) [[unlikely]] {
    if (place_.tag() == Tag::unsigned_integer)
      eventy::detail::fail_out_of_range(std::to_string(place_.number()));
    fail_type("an integer", place_);
  }
  auto value = static_cast<std::int64_t>(place_.number());
  place_.at += 2;
  return value;
}

std::uint64_t TapeReader::unsigned_integer() {
  auto value = place_.number();
  if (place_.tag() == Tag::integer) {
    auto number = static_cast<std::int64_t>(value);
    if (number < 0) eventy::detail::fail_out_of_range(std::to_string(number));
  } else if (place_.tag() != Tag::unsigned_integer) {
    fail_type("an integer", place_);
  }
  place_.at += 2;
  return value;
}

double TapeReader::real() {
  auto tag = place_.tag();
  auto value = place_.number();
  double out = 0;
  if (tag == Tag::real) {
    out = std::bit_cast<double>(value);
  } else if (tag == Tag::integer) {
    out = static_cast<double>(static_cast<std::int64_t>(value));
  } else if (tag == Tag::unsigned_integer) {
    out = static_cast<double>(value);
  } else {
    fail_type("a number", place_);
  }
  place_.at += 2;
  return out;
}

std::string_view TapeReader::text() {
  if (place_.tag() != Tag::text) fail_type("text", place_);
  auto value = place_.text();
  ++place_.at;
  return value;
}

void TapeReader::bytes(std::vector<std::byte>& out) {
  if (place_.tag() != Tag::text) fail_type("bytes as base64 text", place_);
  const auto text = place_.text();
  out.resize(max_bytes_of_base64(text.size()));
  const auto size = decode_base64(text, out.data());
  if (!size) throw DecodeError("must be bytes as base64 text");
  out.resize(*size);
  ++place_.at;
}

Instant TapeReader::instant() {
  if (place_.tag() == Tag::integer || place_.tag() == Tag::unsigned_integer)
    return Instant(Duration(integer()));
  if (place_.tag() != Tag::text) fail_type("milliseconds since 1970 or a date in ISO 8601", place_);
  auto value = parse_iso8601(place_.text());
  if (!value) eventy::detail::fail_date(place_.text());
  ++place_.at;
  return *value;
}

void TapeReader::skip() {
  if (place_.tag() != Tag::beyond) type();
  refuse_member_twice(place_);
  place_.at = place_.behind();
}

void refuse_name_twice(std::vector<std::string_view>& names) {
  std::sort(names.begin(), names.end());
  auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) eventy::detail::fail_member_twice(*twice);
}

void refuse_member_twice(Place value) {
  if (value.tag() != Tag::map && value.tag() != Tag::list) return;
  std::vector<std::string_view> names;
  for (auto end = value.behind(); value.at < end; value.at = value.next()) {
    if (value.tag() != Tag::map) continue;
    names.clear();
    auto inner = value;
    for (++inner.at; inner.tag() != Tag::map_end; inner.at = inner.behind()) {
      names.push_back(inner.text());
      ++inner.at;
    }
    refuse_name_twice(names);
  }
}

}  // namespace detail

Value parse(std::string_view text, const DecodeLimits& limits) {
  std::string padded;
  padded.reserve(text.size() + value_padding);
  padded.append(text).append(value_padding, ' ');
  detail::Document document(limits);
  detail::TapeReader reader;
  reader.start(document.parse(std::string_view(padded).substr(0, text.size())));
  Value value;
  read(reader, value, Absent::is_error);
  return value;
}

}  // namespace eventy::json
