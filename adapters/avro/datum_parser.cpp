#include "datum_parser.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "decimal.hpp"
#include "eventy/core/utf8.hpp"

namespace eventy::avro::detail {

namespace {

constexpr std::size_t no_end = std::numeric_limits<std::size_t>::max();

// Whether encoding the digits of a decimal reproduces its bytes.
bool is_shortest(std::string_view number) {
  if (number.size() < 2) return !number.empty();
  const auto first = static_cast<std::uint8_t>(number[0]), second = static_cast<std::uint8_t>(number[1]);
  return !(first == 0 && second < 0x80) && !(first == 0xff && second >= 0x80);
}

Token bytes_token(const Node& node, std::string_view view) {
  auto logical = node.logical;
  if (logical == Logical::decimal &&
      (view.size() > max_decimal_bytes || (node.type == Type::bytes && !is_shortest(view))))
    logical = Logical::padded_decimal;
  return {.tag = Tag::bytes,
          .logical = logical,
          .scale = node.scale,
          .size = static_cast<std::uint32_t>(view.size()),
          .start = view.data()};
}

[[noreturn]] void fail_weightless(std::uint64_t count) {
  throw DecodeError("too many elements that take no bytes: " + std::to_string(count));
}

Token real_token(double value) { return {.tag = Tag::real, .real = value}; }

}  // namespace

void DatumParser::start(std::string_view datum, std::size_t weightless) {
  cursor_ = ByteCursor(datum);
  depth_ = elements_ = repeated_ = 0;
  weightless_ = weightless;
}

void DatumParser::finish() const {
  if (cursor_.left() > 0)
    throw DecodeError(std::to_string(cursor_.left()) + " bytes are left over in the datum");
}

void DatumParser::value(const Node& node) {
  switch (node.type) {
    case Type::null:
      return put({.tag = Tag::null, .integer = 0});
    case Type::boolean: {
      const auto byte = cursor_.byte();
      if (byte > 1) throw DecodeError("a boolean must be 0 or 1, not " + std::to_string(byte));
      return put({.tag = Tag::boolean, .integer = byte});
    }
    case Type::int32:
    case Type::int64:
      return integer(node);
    case Type::float32:
      return put(real_token(cursor_.real<float>()));
    case Type::float64:
      return put(real_token(cursor_.real<double>()));
    case Type::bytes:
      return bytes(node, cursor_.sized());
    case Type::fixed:
      return bytes(node, cursor_.take(node.size));
    case Type::text:
      return text(node);
    case Type::enumeration:
      return symbol(node);
    case Type::array:
      return array(node);
    case Type::map:
      return map(node);
    case Type::record:
      return record(node);
    case Type::one_of: {
      const auto branch = cursor_.integer();
      if (branch < 0 || static_cast<std::uint64_t>(branch) >= node.branches.size())
        throw DecodeError("there is no branch " + std::to_string(branch) + " in a union of " +
                          std::to_string(node.branches.size()));
      return value(*node.branches[static_cast<std::size_t>(branch)]);
    }
  }
}

void DatumParser::integer(const Node& node) {
  const auto number = cursor_.integer();
  if (node.type == Type::int32 && number != static_cast<std::int32_t>(number))
    eventy::detail::fail_out_of_range(std::to_string(number));
  if (node.promotion == Promotion::to_real) return put(real_token(static_cast<double>(number)));
  put({.tag = Tag::integer, .logical = node.logical, .integer = number});
}

void DatumParser::count_weightless(std::uint64_t more) {
  if (more > weightless_) fail_weightless(more);
  weightless_ -= more;
}

void DatumParser::count_long(std::size_t size) {
  repeated_ += size;
  if (repeated_ > limits_.max_bytes)
    throw DecodeError("names, symbols and defaults of the schema are more than the limit of " +
                      std::to_string(limits_.max_bytes) + " bytes");
}

void DatumParser::text(const Node& node) {
  const auto view = cursor_.sized();
  if (!is_utf8(view)) throw DecodeError("a text is not UTF-8");
  if (node.promotion == Promotion::to_bytes) return put(bytes_token(node, view));
  put(text_token(view));
}

void DatumParser::bytes(const Node& node, std::string_view view) {
  if (node.logical == Logical::decimal) count_repeated(node.scale);  // its text has at least so many digits
  if (node.promotion != Promotion::to_text) return put(bytes_token(node, view));
  if (!is_utf8(view)) throw DecodeError("a text is not UTF-8");
  put(text_token(view));
}

void DatumParser::symbol(const Node& node) {
  const auto number = cursor_.integer();
  if (number < 0 || static_cast<std::uint64_t>(number) >= node.symbols.size())
    throw DecodeError("there is no symbol " + std::to_string(number) + " in an enum of " +
                      std::to_string(node.symbols.size()));
  const auto& symbol = node.symbols[static_cast<std::size_t>(number)];
  count_repeated(symbol.size());
  put(text_token(symbol));
}

void DatumParser::record(const Node& node) {
  count_elements(node.fields.size());
  if (node.weightless_in_all > weightless_) fail_weightless(node.weightless_in_all);
  weightless_ -= node.weightless;
  const auto at = open(Tag::map);
  std::size_t i = 0;
  try {
    for (; i < node.fields.size(); ++i) {
      count_repeated(node.fields[i].name.size());
      put(text_token(node.fields[i].name));
      value(*node.fields[i].type);
    }
  } catch (const DecodeError& e) {
    throw e.within(node.fields[i].name);
  }
  if (node.absent) absent_fields(node);
  close(at);
}

void DatumParser::absent_fields(const Node& node) {
  count_elements(node.absent->size());
  for (const auto& field : *node.absent) {
    count_repeated(field.name.size());
    put(text_token(field.name));
    try {
      default_value(field);
    } catch (const DecodeError& e) {
      throw e.within(field.name);
    }
  }
}

// Reads a field's default, a datum of its own from the schema. Only the bytes of repeated uses are limited.
void DatumParser::default_value(const Field& field) {
  count_repeated(field.default_datum.size());
  const auto rest = std::exchange(cursor_, ByteCursor(field.default_datum));
  const auto weightless = std::exchange(weightless_, limits_.max_elements);
  value(*field.type);
  cursor_ = rest, weightless_ = weightless;
}

void DatumParser::array(const Node& node) {
  const auto at = open(Tag::list);
  std::size_t index = 0, end = no_end;
  while (const auto items = block(node.items->least, end)) {
    const auto behind = index + items;
    try {
      for (; index < behind; ++index) value(*node.items);
    } catch (const DecodeError& e) {
      throw e.within(eventy::detail::index_step(index));
    }
    end_block(end);
  }
  close(at);
}

void DatumParser::map(const Node& node) {
  const auto at = open(Tag::map);
  std::size_t end = no_end;
  while (auto entries = block(std::uint64_t{1} + node.items->least, end)) {
    for (; entries > 0; --entries) {
      const auto name = cursor_.sized();
      if (!is_utf8(name)) throw DecodeError("the name of a member is not UTF-8");
      put(text_token(name));
      try {
        value(*node.items);
      } catch (const DecodeError& e) {
        throw e.within(name);
      }
    }
    end_block(end);
  }
  close(at);
  refuse_member_twice(at);
}

// Returns the number of items in the next block, each of at least `least` bytes. Sets `end` to the bytes left
// after the block, if the block has its size.
std::uint64_t DatumParser::block(std::uint64_t least, std::size_t& end) {
  const auto count = cursor_.integer();
  end = no_end;
  if (count == 0) return 0;
  auto items = static_cast<std::uint64_t>(count);
  if (count < 0) {
    items = 0 - items;
    const auto size = cursor_.integer();
    if (size < 0 || static_cast<std::uint64_t>(size) > cursor_.left())
      throw DecodeError("the bytes end too early for a block of " + std::to_string(size));
    end = cursor_.left() - static_cast<std::size_t>(size);
  }
  if (least > 0 && items > cursor_.left() / least)
    throw DecodeError("the bytes end too early: " + std::to_string(items) + " elements are announced");
  if (least == 0) count_weightless(items);
  count_elements(items);
  return items;
}

void DatumParser::end_block(std::size_t end) const {
  if (end != no_end && end != cursor_.left())
    throw DecodeError("a block does not have the size that it announces");
}

void DatumParser::enter(std::size_t members) {
  count_elements(members);
  ++depth_;
}

std::size_t DatumParser::open(Tag tag) {
  if (depth_ == limits_.max_depth)
    throw DecodeError("maps and lists are nested deeper than the limit of " +
                      std::to_string(limits_.max_depth));
  ++depth_;
  put({.tag = tag, .span = 0});
  return tape_.size() - 1;
}

void DatumParser::close(std::size_t at) {
  put({});
  tape_[at].span = tape_.size() - at;
  --depth_;
}

void DatumParser::refuse_member_twice(std::size_t at) {
  names_.clear();
  const auto* end = tape_.data() + tape_.size() - 1;
  for (const Token* token = tape_.data() + at + 1; token != end; token = token[1].behind())
    names_.push_back(token->view());
  if (names_.size() < 2) return;
  std::sort(names_.begin(), names_.end());
  const auto twice = std::adjacent_find(names_.begin(), names_.end());
  if (twice != names_.end()) eventy::detail::fail_member_twice(*twice);
}

void DatumParser::count_elements(std::uint64_t more) {
  elements_ += more;
  if (elements_ > limits_.max_elements)
    throw DecodeError("more elements (members and items) than the limit of " +
                      std::to_string(limits_.max_elements));
}

}  // namespace eventy::avro::detail
