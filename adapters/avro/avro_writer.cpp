#include "avro_writer.hpp"

#include <limits>
#include <stdexcept>

namespace eventy::avro::detail {

namespace {

constexpr std::size_t much = 1u << 20;  // more is freed before the next record

std::uint32_t size_of(std::size_t size) {
  if (size > std::numeric_limits<std::uint32_t>::max())
    throw std::invalid_argument(std::to_string(size) + " bytes or elements are too many for one value");
  return static_cast<std::uint32_t>(size);
}

}  // namespace

void AvroWriter::clear() {
  if (notes_.capacity() > much / sizeof(Note)) notes_ = {};
  if (characters_.capacity() > much) characters_ = {};
  notes_.clear();
  open_.clear();
  characters_.clear();
}

void AvroWriter::unsigned_integer(std::uint64_t value) {
  if (value <= std::uint64_t{std::numeric_limits<std::int64_t>::max()})
    return integer(static_cast<std::int64_t>(value));
  notes_.push_back({.kind = Note::Kind::unsigned_integer, .unsigned_integer = value});
}

void AvroWriter::bytes(std::span<const std::byte> value) {
  put(Note::Kind::bytes, {reinterpret_cast<const char*>(value.data()), value.size()});
}

void AvroWriter::put(Note::Kind kind, std::string_view characters) {
  notes_.push_back({.kind = kind, .size = size_of(characters.size()), .start = characters_.size()});
  characters_.append(characters);
}

void AvroWriter::open(Note::Kind kind, std::size_t size) {
  open_.push_back(notes_.size());
  notes_.push_back({.kind = kind, .size = size_of(size), .span = 0});
}

void AvroWriter::close() {
  notes_[open_.back()].span = notes_.size() - open_.back();
  open_.pop_back();
}

}  // namespace eventy::avro::detail
