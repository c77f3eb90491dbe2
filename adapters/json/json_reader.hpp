// A JSON text as simdjson's flat tape of 64-bit words (simdjson, doc/tape.md), and a Reader that walks the
// tape. One thread. Views are valid until the document's next parse.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "eventy/core/codec.hpp"
#include "eventy/core/serializer.hpp"

namespace eventy::json::detail {

// The meaning of a word on the tape: its highest byte. The other bytes are its payload.
enum class Tag : std::uint8_t {
  root = 'r',  // first and last word
  map = '{',   // low 32 bits of the payload: index after the matching end
  map_end = '}',
  list = '[',  // as for map
  list_end = ']',
  text = '"',              // payload: position in `texts`
  integer = 'l',           // the next word is the number, as for the next two
  unsigned_integer = 'u',  // above the range of std::int64_t
  real = 'd',
  beyond = 'x',  // not simdjson's: a number that 64 bits cannot hold; the next word has no meaning
  yes = 't',
  no = 'f',
  null = 'n',
};

// A place on a tape.
struct Place {
  const std::uint64_t* tape = nullptr;
  const std::uint8_t* texts = nullptr;
  std::size_t at = 0;

  Tag tag() const { return static_cast<Tag>(tape[at] >> 56); }
  std::uint64_t number() const { return tape[at + 1]; }
  std::string_view text() const {
    const std::uint8_t* start = texts + (tape[at] & 0x00ff'ffff'ffff'ffff);
    std::uint32_t size = 0;
    std::memcpy(&size, start, sizeof size);
    return {reinterpret_cast<const char*>(start + sizeof size), size};
  }
  static bool is_number(Tag t) {
    return t == Tag::integer || t == Tag::unsigned_integer || t == Tag::real || t == Tag::beyond;
  }
  // The index after this word, or after this number. Enters maps and lists.
  std::size_t next() const {
    auto t = tag();
    return at + 1 + is_number(t);
  }
  // The index after the whole value.
  std::size_t behind() const {
    auto t = tag();
    return t == Tag::map || t == Tag::list ? static_cast<std::uint32_t>(tape[at]) : next();
  }
};

Place empty_map();

class Document {
 public:
  explicit Document(const DecodeLimits& limits) : limits_(limits) {}
  // `text` needs value_padding readable bytes after it. Returns the place of its one value. Throws
  // DecodeError.
  Place parse(std::string_view text);

 private:
  void make_room(std::size_t bytes);
  simdjson::error_code parse_numbers_beyond(std::string_view text);

  DecodeLimits limits_;
  simdjson::dom::parser parser_;
};

[[noreturn]] void fail_type(const char* wanted, Place found);

// Reads from a place on. Needs no stack, because the tape has the ends of maps and lists.
class TapeReader final : public Reader {
 public:
  void start(Place place) { place_ = place; }

  ValueType type() override;
  void open_map() override;
  bool member(std::string_view& name) override;
  void open_list() override;
  bool item() override;
  bool null() override;
  bool boolean() override;
  std::int64_t integer() override;
  std::uint64_t unsigned_integer() override;
  double real() override;
  std::string_view text() override;
  void bytes(std::vector<std::byte>& out) override;
  Instant instant() override;
  void skip() override;

 private:
  Place place_ = {};
};

// Throws DecodeError if a map in the value has two members of one name.
void refuse_member_twice(Place value);
void refuse_name_twice(std::vector<std::string_view>& names);  // reorders them

}  // namespace eventy::json::detail
