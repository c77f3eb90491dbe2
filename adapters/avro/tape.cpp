#include "tape.hpp"

#include <charconv>

#include "decimal.hpp"
#include "eventy/core/date.hpp"

namespace eventy::avro::detail {

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
      return "an integer";
    case Tag::real:
      return "a real";
    case Tag::text:
      return "text";
    case Tag::bytes:
      return "bytes";
    case Tag::list:
      return "a list";
    case Tag::map:
      return "a map";
  }
  return "something else";
}

constexpr std::int64_t ms_per_day = 86'400'000;

std::int64_t floor_of(std::int64_t value, std::int64_t unit) {
  return value / unit - (value % unit != 0 && value < 0);
}

std::int64_t milliseconds_of(const Token& token) {
  switch (token.logical) {
    case Logical::date:
      return token.integer * ms_per_day;  // an Avro int, so it cannot overflow
    case Logical::timestamp_micros:
      return floor_of(token.integer, 1000);
    case Logical::timestamp_nanos:
      return floor_of(token.integer, 1'000'000);
    default:
      return token.integer;
  }
}

}  // namespace

Token text_token(std::string_view text) {
  return {.tag = Tag::text, .size = static_cast<std::uint32_t>(text.size()), .start = text.data()};
}

const Token* empty_map() {
  static const Token tape[] = {{.tag = Tag::map, .span = 2}, {}, {}};
  return tape;
}

void fail_type(const char* wanted, const Token& found) {
  throw DecodeError(std::string("must be ") + wanted + ", not " + name_of(found.tag));
}

ValueType TapeReader::type() {
  switch (at_->tag) {
    case Tag::null:
      return ValueType::null;
    case Tag::boolean:
      return ValueType::boolean;
    case Tag::integer:
      return ValueType::integer;
    case Tag::real:
      return ValueType::real;
    case Tag::text:
      return ValueType::text;
    case Tag::bytes:
      return at_->logical == Logical::decimal ? ValueType::text : ValueType::bytes;
    case Tag::list:
      return ValueType::list;
    case Tag::map:
      return ValueType::map;
    case Tag::end:
      break;
  }
  fail_type("a value", *at_);
}

bool TapeReader::member(std::string_view& name) {
  const Token& token = *at_++;
  if (token.tag == Tag::end) return false;
  name = token.view();
  return true;
}

bool TapeReader::item() {
  if (at_->tag != Tag::end) return true;
  ++at_;
  return false;
}

bool TapeReader::null() {
  if (at_->tag != Tag::null) return false;
  ++at_;
  return true;
}

std::int64_t TapeReader::integer() {
  if (!at_decimal()) return take(Tag::integer, "an integer").integer;
  const auto digits = take_decimal();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const std::string_view rest(end, static_cast<std::size_t>(digits.data() + digits.size() - end));
  if (error != std::errc() || rest.find_first_not_of(".0") != rest.npos)
    eventy::detail::fail_out_of_range(digits);
  return value;
}

std::uint64_t TapeReader::unsigned_integer() {
  const auto value = integer();
  if (value < 0) eventy::detail::fail_out_of_range(std::to_string(value));
  return static_cast<std::uint64_t>(value);
}

double TapeReader::real() {
  if (at_decimal()) {
    const auto digits = take_decimal();
    double value = 0;
    const auto done = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (done.ec != std::errc()) eventy::detail::fail_out_of_range(digits);
    return value;
  }
  const Token& token = *at_;
  if (token.tag != Tag::real && token.tag != Tag::integer) fail_type("a number", token);
  ++at_;
  return token.tag == Tag::real ? token.real : static_cast<double>(token.integer);
}

std::string_view TapeReader::text() {
  if (at_decimal()) return texts_.emplace_front(take_decimal());
  return take(Tag::text, "text").view();
}

void TapeReader::bytes(std::vector<std::byte>& out) {
  const auto view = take(Tag::bytes, "bytes").view();
  const auto* start = reinterpret_cast<const std::byte*>(view.data());
  out.assign(start, start + view.size());
}

Instant TapeReader::instant() {
  const Token& token = *at_;
  if (token.tag == Tag::integer) {
    ++at_;
    return Instant(Duration(milliseconds_of(token)));
  }
  if (token.tag != Tag::text) fail_type("a date", token);
  const auto date = parse_iso8601(token.view());
  if (!date) eventy::detail::fail_date(token.view());
  ++at_;
  return *date;
}

void TapeReader::skip() {
  type();
  at_ = at_->behind();
}

std::string TapeReader::take_decimal() {
  const Token& token = *at_;
  auto text = decimal_text(token.view(), token.scale);
  if (!text) throw DecodeError("a decimal of more than " + std::to_string(max_decimal_bytes) + " bytes");
  ++at_;
  return *std::move(text);
}

}  // namespace eventy::avro::detail
