// The writer of data. Notes each value on a tape, because Avro needs the fields in the schema's order, and
// the branch of a union before its value. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eventy/core/codec.hpp"

namespace eventy::avro::detail {

struct Note {
  enum class Kind : std::uint8_t {
    null,
    boolean,
    integer,
    unsigned_integer,  // above the range of std::int64_t
    real,
    text,
    bytes,
    instant,
    list,
    map,
  };
  Kind kind = Kind::null;
  std::uint32_t size = 0;  // of text and bytes; the number of items or members of a list or map
  union {
    std::int64_t integer = 0;  // also a boolean, and an instant in ms
    std::uint64_t unsigned_integer;
    double real;
    std::size_t start;  // of text and bytes: position in the characters
    std::size_t span;   // of a list or map: its number of notes
  };
  const Note* behind() const { return this + (kind == Kind::list || kind == Kind::map ? span : 1); }
};

class AvroWriter final : public Writer {
 public:
  void clear();
  bool is_whole() const { return !notes_.empty() && open_.empty(); }
  const Note& root() const { return notes_.front(); }
  std::string_view characters(const Note& note) const {
    return std::string_view(characters_).substr(note.start, note.size);
  }

  void open_map(std::size_t members) override { open(Note::Kind::map, members); }
  void member(std::string_view name) override { put(Note::Kind::text, name); }
  void close_map() override { close(); }
  void open_list(std::size_t items) override { open(Note::Kind::list, items); }
  void item() override {}
  void close_list() override { close(); }
  void null() override { notes_.emplace_back(); }
  void boolean(bool value) override { notes_.push_back({.kind = Note::Kind::boolean, .integer = value}); }
  void integer(std::int64_t value) override {
    notes_.push_back({.kind = Note::Kind::integer, .integer = value});
  }
  void unsigned_integer(std::uint64_t value) override;
  void real(double value) override { notes_.push_back({.kind = Note::Kind::real, .real = value}); }
  void text(std::string_view utf8) override { put(Note::Kind::text, utf8); }
  void bytes(std::span<const std::byte> value) override;
  void instant(Instant value) override {
    notes_.push_back({.kind = Note::Kind::instant, .integer = value.time_since_epoch().count()});
  }

 private:
  void put(Note::Kind kind, std::string_view characters);
  void open(Note::Kind kind, std::size_t size);
  void close();

  std::vector<Note> notes_ = {};
  std::vector<std::size_t> open_ = {};
  std::string characters_ = {};
};

}  // namespace eventy::avro::detail
