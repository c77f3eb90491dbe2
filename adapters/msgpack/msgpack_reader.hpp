// MessagePack as a flat tape of tokens, made in one pass by the library's parser, and a Reader that walks it.
// One thread. Views are into the bytes that were parsed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "eventy/core/codec.hpp"
#include "eventy/core/serializer.hpp"

namespace eventy::msgpack::detail {

enum class Tag : std::uint8_t {
  end,  // of a map, a list or the whole
  null,
  boolean,
  integer,
  unsigned_integer,  // above the range of the signed ones
  real,
  text,
  bytes,
  instant,
  extension,  // that is no timestamp: refused where it is read
  beyond,     // a timestamp that 64 bits of milliseconds cannot hold, likewise
  list,
  map,
};

struct Token {
  Tag tag = Tag::end;
  std::uint32_t size = 0;  // of text and bytes
  union {
    std::int64_t integer = 0;  // also instant, in ms, and boolean
    std::uint64_t unsigned_integer;
    double real;
    const char* start;   // of text and bytes
    std::size_t behind;  // of a map or list: index behind its end
  };
  std::string_view view() const { return {start, size}; }
};

// A place on a tape.
struct Place {
  const Token* tape = nullptr;
  std::size_t at = 0;
  const Token& token() const { return tape[at]; }
  std::size_t behind() const {
    auto tag = token().tag;
    return tag == Tag::map || tag == Tag::list ? token().behind : at + 1;
  }
};

Place empty_map();

class Document {
 public:
  explicit Document(const DecodeLimits& limits) : limits_(limits) {}
  // Returns the place of the one value. Nothing is allocated for what the bytes only claim to hold.
  // Throws DecodeError.
  Place parse(std::string_view bytes);

 private:
  DecodeLimits limits_;
  std::vector<Token> tape_;
  std::vector<std::size_t> open_;
};

[[noreturn]] void fail_type(const char* wanted, const Token& found);

// Reads from a place on. It keeps no stack: the tape says where maps and lists end.
class TapeReader final : public Reader {
 public:
  void start(Place place) { place_ = place; }
  bool at_end() const { return place_.token().tag == Tag::end; }

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
  const Token& take(Tag tag, const char* wanted) {
    const Token& token = place_.token();
    if (token.tag != tag) [[unlikely]]
      fail_type(wanted, token);
    ++place_.at;
    return token;
  }

  Place place_ = {};
};

// Throws DecodeError if any map in the value holds a member twice.
void refuse_member_twice(Place value);
void refuse_name_twice(std::vector<std::string_view>& names);  // reorders them

}  // namespace eventy::msgpack::detail
