// Converts numbers, instants and bytes to Avro's types, without loss.
#include <charconv>
#include <cmath>
#include <limits>

#include "datum_writer.hpp"
#include "decimal.hpp"
#include "text_forms.hpp"

namespace eventy::avro::detail {

namespace {

constexpr std::int64_t ms_per_day = 86'400'000;

std::int64_t scaled(std::int64_t ms, std::int64_t units) {
  std::int64_t value = 0;
  if (__builtin_mul_overflow(ms, units, &value))
    eventy::detail::fail_out_of_range(std::to_string(ms) + " ms since 1970");
  return value;
}

std::int64_t instant_for(Logical logical, std::int64_t ms) {
  switch (logical) {
    case Logical::date:
      return ms / ms_per_day - (ms % ms_per_day < 0);
    case Logical::timestamp_micros:
      return scaled(ms, 1000);
    case Logical::timestamp_nanos:
      return scaled(ms, 1'000'000);
    default:
      return ms;
  }
}

template <class T>
bool keeps(std::int64_t value) {
  const auto real = static_cast<T>(value);
  return real < static_cast<T>(0x1p63) && static_cast<std::int64_t>(real) == value;
}

std::string digits_of(double value) {
  char digits[400];
  return {digits, std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed).ptr};
}

}  // namespace

std::int64_t integer_for(const Node& node, const Note& note, const AvroWriter& notes) {
  std::int64_t value = note.integer;
  if (note.kind == Note::Kind::unsigned_integer)
    eventy::detail::fail_out_of_range(std::to_string(note.unsigned_integer));
  if (note.kind == Note::Kind::instant) {
    if (node.type == Type::int32 && node.logical != Logical::date) fail_unfit(node, note);
    value = instant_for(node.logical, note.integer);
  } else if (note.kind == Note::Kind::text) {
    const auto instant = instant_in(notes.characters(note), node.logical);
    if (!instant) fail_unfit(node, note);
    value = instant_for(node.logical, instant->time_since_epoch().count());
  } else if (note.kind != Note::Kind::integer) {
    fail_unfit(node, note);
  }
  if (node.type == Type::int32 && value != static_cast<std::int32_t>(value))
    eventy::detail::fail_out_of_range(std::to_string(value));
  return value;
}

double real_for(const Node& node, const Note& note) {
  const bool narrow = node.type == Type::float32;
  if (note.kind == Note::Kind::real) {
    constexpr auto most = static_cast<double>(std::numeric_limits<float>::max());
    if (narrow && std::isfinite(note.real) && std::abs(note.real) > most)
      eventy::detail::fail_out_of_range(std::to_string(note.real));
    return note.real;
  }
  if (note.kind == Note::Kind::unsigned_integer)
    eventy::detail::fail_out_of_range(std::to_string(note.unsigned_integer));
  if (note.kind != Note::Kind::integer) fail_unfit(node, note);
  if (narrow ? !keeps<float>(note.integer) : !keeps<double>(note.integer))
    throw DecodeError(std::to_string(note.integer) + " has more digits than a " +
                      std::string(spelled(node.type)));
  return static_cast<double>(note.integer);
}

std::string decimal_for(const Node& node, const Note& note, const AvroWriter& notes) {
  std::string text;
  if (note.kind == Note::Kind::text) {
    text = notes.characters(note);
  } else if (note.kind == Note::Kind::integer) {
    text = std::to_string(note.integer);
  } else if (note.kind == Note::Kind::unsigned_integer) {
    text = std::to_string(note.unsigned_integer);
  } else if (note.kind == Note::Kind::real && std::isfinite(note.real)) {
    text = digits_of(note.real);
  } else {
    fail_unfit(node, note);
  }
  auto bytes = decimal_bytes(text, node.precision, node.scale);
  if (!bytes && note.kind == Note::Kind::text) bytes = bytes_in_base64(text);
  if (!bytes)
    throw DecodeError("must be a decimal of at most " + std::to_string(node.precision) + " digits, " +
                      std::to_string(node.scale) + " of them after the point");
  return *std::move(bytes);
}

std::string bytes_for(const Node& node, const Note& note, const AvroWriter& notes) {
  if (note.kind == Note::Kind::bytes) return std::string(notes.characters(note));
  if (node.logical == Logical::decimal) return decimal_for(node, note, notes);
  if (note.kind != Note::Kind::text) fail_unfit(node, note);
  auto bytes = bytes_in_base64(notes.characters(note));
  if (!bytes) throw DecodeError("must be bytes, or base64 text");
  return *std::move(bytes);
}

}  // namespace eventy::avro::detail
