#include "wire_reader.hpp"

#include <algorithm>
#include <bit>

#include "eventy/core/date.hpp"
#include "eventy/core/utf8.hpp"
#include "message_fields.hpp"
#include "wire_writer.hpp"

namespace eventy::protobuf::detail {

namespace {

const char* name_of(Is is) {
  switch (is) {
    case Is::null:
      return "null";
    case Is::boolean:
      return "a boolean";
    case Is::integer:
    case Is::unsigned_integer:
      return "an integer";
    case Is::real:
      return "a real";
    case Is::text:
      return "text";
    case Is::bytes:
      return "bytes";
    case Is::list:
      return "a list";
    case Is::instant:
      return "an instant";
    case Is::map:
    case Is::services:
    case Is::message:
      break;
  }
  return "a map";
}

[[noreturn]] void fail_type(const char* wanted, Is found) {
  throw DecodeError(std::string("must be ") + wanted + ", not " + name_of(found));
}

void check_text(std::string_view text) {
  if (!is_utf8(text)) throw DecodeError("a text is not UTF-8");
}

// Reads a Value. Each of its fields has its own wire type.
Slot slot_of_value(std::string_view value) {
  Slot slot;
  for (WireCursor at(value); !at.done();) {
    const auto tag = at.tag();
    const auto field = tag >> 3;
    if (field > static_cast<std::uint32_t>(Is::instant)) {
      at.skip(tag);
      continue;
    }
    if (slot.is != Is::null) throw DecodeError("a value is set twice");
    slot.is = static_cast<Is>(field);
    const bool is_block =
        slot.is == Is::text || slot.is == Is::bytes || slot.is == Is::list || slot.is == Is::map;
    const Wire wanted = is_block ? Wire::block : slot.is == Is::real ? Wire::fixed64 : Wire::varint;
    if (static_cast<Wire>(tag & 7) != wanted) fail_wire(tag);
    if (is_block) {
      slot.block = at.block();
    } else {
      slot.number = wanted == Wire::fixed64 ? at.fixed64() : at.varint();
    }
  }
  if (slot.is == Is::text) check_text(slot.block);
  return slot;
}

// Finds the next field 1 of a message, the only one of Map, List and Context. Skips other fields.
bool next_block(WireCursor& at, std::string_view& block) {
  while (!at.done()) {
    const auto field = at.tag();
    if (field == tag(1, Wire::block)) return block = at.block(), true;
    if (field >> 3 == 1) fail_wire(field);
    at.skip(field);
  }
  return false;
}

struct Entry {  // of a map: either part may be absent
  std::string_view key = {}, value = {};
};
Entry entry_of(std::string_view bytes) {
  Entry entry;
  bool has_key = false, has_value = false;
  for (WireCursor at(bytes); !at.done();) {
    const auto field = at.tag();
    if (field == tag(1, Wire::block) && !std::exchange(has_key, true)) {
      entry.key = at.block();
    } else if (field == tag(2, Wire::block) && !std::exchange(has_value, true)) {
      entry.value = at.block();
    } else if (field >> 3 <= 2) {
      fail_wire(field);
    } else {
      at.skip(field);
    }
  }
  check_text(entry.key);
  return entry;
}

}  // namespace

Slot slot_of_any(std::string_view any) {
  Slot slot{.is = Is::message};
  const Entry parts = entry_of(any);  // type_url and value have the numbers and wire types of an entry
  slot.type = parts.key.substr(parts.key.rfind('/') + 1);
  slot.block = parts.value;
  if (slot.type.empty()) throw DecodeError("the message has no type");
  return slot;
}

bool WireReader::take_message(google::protobuf::Message& out) {
  if (current_.is != Is::message) return false;
  schemas_->parse(current_.type, current_.block, limits_, out);
  return true;
}

const Slot& WireReader::expect(Is is, const char* wanted) const {
  if (current_.is != is) [[unlikely]]
    fail_type(wanted, current_.is);
  return current_;
}

ValueType WireReader::type() {
  switch (current_.is) {
    case Is::null:
      return ValueType::null;
    case Is::boolean:
      return ValueType::boolean;
    case Is::integer:
    case Is::instant:
      return ValueType::integer;
    case Is::unsigned_integer:
      return ValueType::unsigned_integer;
    case Is::real:
      return ValueType::real;
    case Is::text:
      return ValueType::text;
    case Is::bytes:
      return ValueType::bytes;
    case Is::list:
      return ValueType::list;
    case Is::map:
    case Is::services:
    case Is::message:
      break;
  }
  return ValueType::map;
}

void WireReader::open(Is is) {
  if (open_.size() == limits_.max_depth)
    throw DecodeError("maps and lists are nested deeper than the limit of " +
                      std::to_string(limits_.max_depth));
  open_.push_back({WireCursor(current_.block), is});
}

void WireReader::open_map() {
  if (current_.is == Is::message) unpack();
  if (current_.is != Is::services) expect(Is::map, "a map");
  open(current_.is);
}

void WireReader::open_list() {
  expect(Is::list, "a list");
  open(Is::list);
}

void WireReader::count() {
  if (++elements_ > limits_.max_elements)
    throw DecodeError("more members and items than the limit of " + std::to_string(limits_.max_elements));
}

bool WireReader::member(std::string_view& name) {
  Open& top = open_.back();
  std::string_view bytes;
  if (!next_block(top.rest, bytes)) return open_.pop_back(), false;
  count();
  const Entry entry = entry_of(bytes);
  name = entry.key;
  if (top.is == Is::services) return current_ = {.is = Is::map, .block = entry.value}, true;
  try {
    current_ = slot_of_value(entry.value);
  } catch (const DecodeError& e) {
    throw e.within(name);
  }
  return true;
}

bool WireReader::item() {
  std::string_view bytes;
  if (!next_block(open_.back().rest, bytes)) return open_.pop_back(), false;
  count();
  current_ = slot_of_value(bytes);
  return true;
}

std::int64_t WireReader::integer() {
  if (current_.is == Is::unsigned_integer) return eventy::detail::narrow<std::int64_t>(current_.number);
  if (current_.is == Is::instant) return static_cast<std::int64_t>(current_.number);
  return unzigzag(expect(Is::integer, "an integer").number);
}

std::uint64_t WireReader::unsigned_integer() {
  if (current_.is == Is::unsigned_integer) return current_.number;
  return eventy::detail::narrow<std::uint64_t>(integer());
}

double WireReader::real() {
  if (current_.is == Is::real) return std::bit_cast<double>(current_.number);
  if (current_.is == Is::unsigned_integer) return static_cast<double>(current_.number);
  return static_cast<double>(unzigzag(expect(Is::integer, "a number").number));
}

std::string_view WireReader::text() { return expect(Is::text, "text").block; }

void WireReader::bytes(std::vector<std::byte>& out) {
  const auto view = expect(Is::bytes, "bytes").block;
  const auto* start = reinterpret_cast<const std::byte*>(view.data());
  out.assign(start, start + view.size());
}

Instant WireReader::instant() {
  if (current_.is == Is::instant || current_.is == Is::integer || current_.is == Is::unsigned_integer)
    return Instant(Duration(integer()));
  const auto text = expect(Is::text, "an instant").block;
  const auto value = parse_iso8601(text);
  if (!value) eventy::detail::fail_date(text);
  return *value;
}

// Reads the whole value, because skipped values must be well-formed too.
void WireReader::skip() {
  if (type() == ValueType::list) {
    for (open_list(); item();) skip();
  } else if (type() == ValueType::map) {
    std::vector<std::string_view> names;
    open_map();
    for (std::string_view name; member(name);) names.push_back(name), skip();
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) eventy::detail::fail_member_twice(*twice);
  }
}

void WireReader::unpack() {
  const auto message = schemas_->make(current_.type);
  if (!message)
    throw DecodeError("the message type " + std::string(current_.type) +
                      " is unknown: provide its schema, or compile it into the program");
  schemas_->parse(current_.type, current_.block, limits_, *message);
  unpacked_.clear();
  WireWriter writer;
  writer.start(unpacked_, WireWriter::Root::bare_map, limits_.max_elements);
  try {
    write_fields(writer, *message, Beyond::is_text);
  } catch (const EncodeError& e) {
    throw e.place();
  }
  writer.finish();
  current_ = {.is = Is::map, .block = unpacked_};
}

}  // namespace eventy::protobuf::detail
