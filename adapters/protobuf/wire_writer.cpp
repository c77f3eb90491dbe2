#include "wire_writer.hpp"

#include <google/protobuf/message.h>

#include <bit>
#include <stdexcept>

#include "eventy/core/utf8.hpp"

namespace eventy::protobuf::detail {

namespace {

constexpr std::size_t slack = 512;       // extra room per resize, about what a record needs
constexpr std::size_t header_room = 16;  // for a tag and a number
constexpr std::uint32_t data_fields = 17, data_message = 18;
constexpr std::string_view any_prefix = "type.googleapis.com/";

void check_text(std::string_view utf8) {
  if (!is_utf8(utf8)) throw std::invalid_argument("a text is not UTF-8");
}

}  // namespace

void WireWriter::start(std::string& out, Root root, std::size_t max_elements) {
  out_ = &out;
  at_ = out.size();
  root_ = root;
  elements_left_ = max_elements;
  entry_ = none;
  open_.clear();
}

void WireWriter::finish() { out_->resize(at_); }

char* WireWriter::room(std::size_t count) {
  if (out_->size() - at_ < count) [[unlikely]]
    out_->resize(at_ + count + slack + at_ / 2);
  return out_->data() + at_;
}

void WireWriter::put_block(std::uint32_t tag, std::string_view bytes) {
  char* to = room(header_room + bytes.size());
  to = put_varint(to, tag);
  to = put_varint(to, bytes.size());
  bytes.copy(to, bytes.size());
  advance(to + bytes.size());
}

void WireWriter::field_text(std::uint32_t field, std::string_view utf8) {
  check_text(utf8);
  field_block(field, utf8);
}

void WireWriter::field_block(std::uint32_t field, std::string_view encoded) {
  put_block(tag(field, Wire::block), encoded);
}

void WireWriter::field_number(std::uint32_t field, std::uint64_t value) {
  char* to = room(header_room);
  to = put_varint(to, tag(field, Wire::varint));
  advance(put_varint(to, value));
}

bool WireWriter::put_message(const google::protobuf::Message& message) {
  if (root_ != Root::data || !open_.empty()) return false;
  const std::string& type = message.GetDescriptor()->full_name();
  const std::size_t url = any_prefix.size() + type.size(), size = message.ByteSizeLong();
  const std::size_t any = 1 + varint_size(url) + url + 1 + varint_size(size) + size;
  char* to = room(4 * header_room + any);
  to = put_varint(to, tag(data_message, Wire::block));
  to = put_varint(to, any);
  to = put_varint(to, tag(1, Wire::block));
  to = put_varint(to, url);
  std::memcpy(to, any_prefix.data(), any_prefix.size());
  std::memcpy(to + any_prefix.size(), type.data(), type.size());
  to = put_varint(to + url, tag(2, Wire::block));
  to = put_varint(to, size);
  if (size > static_cast<std::size_t>(INT32_MAX))
    throw std::invalid_argument("a message of more than 2 GiB cannot be written");
  message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(to));
  advance(to + size);
  return true;
}

void WireWriter::count() {
  if (elements_left_-- == 0) throw std::invalid_argument("too many members and items");
}

void WireWriter::member(std::string_view name) {
  count();
  check_text(name);
  char* to = room(4 * header_room + name.size());
  *to++ = tag(1, Wire::block);
  entry_ = at_ + 1;
  ++to;  // its size
  *to++ = tag(1, Wire::block);
  to = put_varint(to, name.size());
  name.copy(to, name.size());
  to += name.size();
  *to++ = tag(2, Wire::block);
  advance(to);
}

void WireWriter::item() {
  count();
  *room(header_room) = tag(1, Wire::block);
  ++at_;
}

void WireWriter::put_size(std::size_t at) {
  const std::size_t size = at_ - at - 1, extra = varint_size(size) - 1;
  if (extra > 0) [[unlikely]] {
    room(extra);
    char* from = out_->data() + at + 1;
    std::memmove(from + extra, from, size);
    at_ += extra;
  }
  put_varint(out_->data() + at, size);
}

void WireWriter::end_entry() {
  if (entry_ == none) return;
  put_size(entry_);
  entry_ = none;
}

void WireWriter::null() {
  *room(header_room) = 0;
  ++at_;
  end_entry();
}

void WireWriter::number(std::uint32_t field, std::uint64_t value) {
  char* to = room(header_room);
  *to++ = static_cast<char>(1 + varint_size(value));
  *to++ = static_cast<char>(tag(field, Wire::varint));
  advance(put_varint(to, value));
  end_entry();
}

void WireWriter::unsigned_integer(std::uint64_t value) {
  if (value <= INT64_MAX) return integer(static_cast<std::int64_t>(value));
  number(3, value);
}

void WireWriter::real(double value) {
  char* to = room(header_room);
  *to++ = 9;
  *to++ = static_cast<char>(tag(4, Wire::fixed64));
  const auto bits = std::bit_cast<std::uint64_t>(value);
  std::memcpy(to, &bits, sizeof bits);
  advance(to + sizeof bits);
  end_entry();
}

void WireWriter::block(std::uint32_t field, std::string_view bytes) {
  char* to = room(2 * header_room + bytes.size());
  to = put_varint(to, 1 + varint_size(bytes.size()) + bytes.size());
  *to++ = static_cast<char>(tag(field, Wire::block));
  to = put_varint(to, bytes.size());
  bytes.copy(to, bytes.size());
  advance(to + bytes.size());
  end_entry();
}

void WireWriter::text(std::string_view utf8) {
  check_text(utf8);
  block(5, utf8);
}

void WireWriter::bytes(std::span<const std::byte> value) {
  block(6, {reinterpret_cast<const char*>(value.data()), value.size()});
}

void WireWriter::instant(Instant value) {
  number(9, static_cast<std::uint64_t>(std::int64_t{value.time_since_epoch().count()}));
}

void WireWriter::open(Container container) {
  char* to = room(2 * header_room);
  Open open{.entry = std::exchange(entry_, none), .value = none, .content = none};
  if (!open_.empty()) {
    open.value = at_;
    ++to;  // its size
    *to++ = static_cast<char>(tag(static_cast<std::uint32_t>(container), Wire::block));
  } else if (root_ == Root::data) {
    to = put_varint(to, tag(data_fields, Wire::block));
  }
  if (!open_.empty() || root_ == Root::data) ++to;  // the size of the content
  advance(to);
  open.content = at_;
  open_.push_back(open);
}

void WireWriter::close() {
  const Open open = open_.back();
  open_.pop_back();
  if (open_.empty() && root_ == Root::bare_map) return;
  put_size(open.content - 1);
  if (open.value != none) put_size(open.value);
  if (open.entry != none) put_size(open.entry);
}

}  // namespace eventy::protobuf::detail
