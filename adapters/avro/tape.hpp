// A parsed datum as a flat tape of tokens, and a Reader that walks the tape. One thread.
// Texts and bytes are views into the parsed bytes or into the schema.
#pragma once

#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <string>
#include <string_view>
#include <vector>

#include "eventy/core/codec.hpp"
#include "schema.hpp"

namespace eventy::avro::detail {

enum class Tag : std::uint8_t {
  end,  // of a map, of a list or of the tape
  null,
  boolean,
  integer,
  real,
  text,
  bytes,
  list,
  map,
};

struct Token {
  Tag tag = Tag::end;
  Logical logical = Logical::none;
  std::uint16_t scale = 0;  // of a decimal
  std::uint32_t size = 0;   // of text and bytes
  union {
    std::int64_t integer = 0;  // also a boolean
    double real;
    const char* start;  // of text and bytes
    std::size_t span;   // of a map or list: its number of tokens, with its end
  };
  std::string_view view() const { return {start, size}; }
  const Token* behind() const { return this + (tag == Tag::map || tag == Tag::list ? span : 1); }
};

Token text_token(std::string_view text);

const Token* empty_map();

[[noreturn]] void fail_type(const char* wanted, const Token& found);

// Reads from a place on. Needs no stack, because the tape has the ends of maps and lists.
class TapeReader final : public Reader {
 public:
  void start(const Token* at) { at_ = at; }
  void drop_texts() { texts_.clear(); }  // texts of decimals, which must last as long as the record

  // Callers without types see the peer's types: a date is its number of days. A decimal is text, or bytes if
  // its text would not reproduce them.
  ValueType type() override;
  void open_map() override { take(Tag::map, "a map"); }
  bool member(std::string_view& name) override;
  void open_list() override { take(Tag::list, "a list"); }
  bool item() override;
  bool null() override;
  bool boolean() override { return take(Tag::boolean, "a boolean").integer != 0; }
  std::int64_t integer() override;
  std::uint64_t unsigned_integer() override;
  double real() override;
  std::string_view text() override;
  void bytes(std::vector<std::byte>& out) override;
  Instant instant() override;
  void skip() override;

 private:
  const Token& take(Tag tag, const char* wanted) {
    const Token& token = *at_;
    if (token.tag != tag) [[unlikely]]
      fail_type(wanted, token);
    ++at_;
    return token;
  }
  bool at_decimal() const { return at_->tag == Tag::bytes && at_->logical >= Logical::decimal; }
  std::string take_decimal();

  const Token* at_ = nullptr;
  std::forward_list<std::string> texts_ = {};
};

}  // namespace eventy::avro::detail
