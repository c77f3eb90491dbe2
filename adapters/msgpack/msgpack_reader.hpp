// MessagePack as a flat tape of tokens, which the library's parser produces in one pass, and a Reader that
// walks the tape. One thread. Views point into the parsed bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "eventy/core/codec.hpp"
#include "eventy/core/serializer.hpp"

namespace eventy::msgpack::detail {

enum class Tag : std::uint8_t {
  end,  // of a map, of a list or of the tape
  null,
  boolean,
  integer,
  unsigned_integer,  // above the range of std::int64_t
  real,
  text,
  bytes,
  instant,
  extension,  // not a timestamp; reading it is an error
  beyond,     // a timestamp that 64 bits of milliseconds cannot hold; reading it is an error
  list,
  map,
};

struct Token {
  Tag tag = Tag::end;
  std::uint32_t size = 0;  // of text and bytes
  union {
    std::int64_t integer = 0;  // also an instant, in ms, and a boolean
    std::uint64_t unsigned_integer;
    double real;
    const char* start;   // of text and bytes
    std::size_t behind;  // of a map or list: index after its end
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
  // Returns the place of the one value. Allocates nothing for elements that are announced but absent.
  // Throws DecodeError.
  Place parse(std::string_view bytes);

 private:
  DecodeLimits limits_;
  std::vector<Token> tape_;
  std::vector<std::size_t> open_;
};

[[noreturn]] void fail_type(const char* wanted, const Token& found);

// Reads from a place on. Needs no stack, because the tape has the ends of maps and lists.
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

// Throws DecodeError if a map in the value has two members of one name.
void refuse_member_twice(Place value);
void refuse_name_twice(std::vector<std::string_view>& names);  // reorders them

}  // namespace eventy::msgpack::detail
