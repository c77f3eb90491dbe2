// Parses a datum by its schema in one pass, onto a tape. Allocates nothing for elements that are announced
// but absent. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "cursor.hpp"
#include "eventy/core/serializer.hpp"
#include "schema.hpp"
#include "tape.hpp"

namespace eventy::avro::detail {

class DatumParser {
 public:
  DatumParser(const DecodeLimits& limits, std::vector<Token>& tape) : limits_(limits), tape_(tape) {}

  // `weightless`: the limit of values that take no byte, such as nulls in a list.
  void start(std::string_view datum, std::size_t weightless);
  // Appends the tokens of one value. Throws DecodeError.
  void value(const Node& node);
  // For callers that parse a record field by field. Counts as a level of nesting, which leave() ends.
  void enter(std::size_t members);
  void leave() { --depth_; }
  void finish() const;  // throws DecodeError if bytes are left over

 private:
  void put(Token token) { tape_.push_back(token); }
  void integer(const Node& node);
  void text(const Node& node);
  void bytes(const Node& node, std::string_view view);
  void symbol(const Node& node);
  void record(const Node& node);
  void absent_fields(const Node& node);
  void default_value(const Field& field);
  void array(const Node& node);
  void map(const Node& node);
  std::uint64_t block(std::uint64_t least, std::size_t& end);
  void end_block(std::size_t end) const;
  std::size_t open(Tag tag);
  void close(std::size_t at);
  void refuse_member_twice(std::size_t at);
  void count_elements(std::uint64_t more);
  void count_weightless(std::uint64_t more);
  // Names, symbols and defaults occur once in a schema, but once per use in the data read. Counts only long
  // ones: the limit of elements bounds short ones.
  void count_repeated(std::size_t size) {
    if (size > short_text) [[unlikely]]
      count_long(size);
  }
  void count_long(std::size_t size);

  DecodeLimits limits_;
  std::vector<Token>& tape_;
  ByteCursor cursor_;
  static constexpr std::size_t short_text = 64;
  std::size_t depth_ = 0, elements_ = 0, weightless_ = 0, repeated_ = 0;
  std::vector<std::string_view> names_ = {};
};

}  // namespace eventy::avro::detail
