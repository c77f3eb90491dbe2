#include "protobuf_decoder.hpp"

#include <array>

#include "eventy/core/decoding.hpp"
#include "eventy/core/utf8.hpp"
#include "record_fields.hpp"

namespace eventy::protobuf::detail {

using eventy::detail::decode_step;

namespace {

[[gnu::always_inline]] inline std::string_view block_in(std::uint32_t tag, WireCursor& at) {
  if (static_cast<Wire>(tag & 7) != Wire::block) fail_wire(tag);
  return at.block();
}

[[gnu::always_inline]] inline std::uint64_t varint_in(std::uint32_t tag, WireCursor& at) {
  if (static_cast<Wire>(tag & 7) != Wire::varint) fail_wire(tag);
  return at.varint();
}

std::string_view text_in(std::uint32_t tag, WireCursor& at) {
  const auto text = block_in(tag, at);
  if (!is_utf8(text)) throw DecodeError("a text is not UTF-8");
  return text;
}

Kind kind_in(std::uint64_t value) {
  constexpr std::array kinds{Kind::event, Kind::request, Kind::response};
  if (value - 1 >= kinds.size()) eventy::detail::fail_kind();
  return kinds[value - 1];
}

// Reads the value after a tag into a field of the envelope.
struct FieldReader {
  std::uint32_t tag;
  WireCursor& at;

  void operator()(Kind& kind) const { kind = kind_in(varint_in(tag, at)); }
  void operator()(std::string_view& text) const { text = text_in(tag, at); }
  void operator()(std::optional<std::string_view>& text) const { text = text_in(tag, at); }
  void operator()(Instant& date) const {
    date = Instant(Duration(static_cast<std::int64_t>(varint_in(tag, at))));
  }
  void operator()(bool& yes) const { yes = varint_in(tag, at) != 0; }
  void operator()(std::optional<std::int64_t>& integer) const {
    integer = static_cast<std::int64_t>(varint_in(tag, at));
  }
};

}  // namespace

const Envelope& ProtobufDecoder::decode(std::string_view bytes) {
  eventy::detail::refuse_size(bytes, max_bytes_);
  if (bytes.empty()) throw DecodeError("not Protocol Buffers: there are no bytes");
  if (bytes[0] == '\0') throw DecodeError("not Protocol Buffers: there is no field 0" + format_hint(bytes));
  envelope_ = {};
  context_ = {.is = Is::services};
  data_ = {.is = Is::map};
  std::uint32_t seen = 0;
  for (WireCursor at(bytes); !at.done();) {
    const auto tag = at.tag();
    const auto field = tag >> 3;
    if (field >= end_of_fields) {
      at.skip(tag);
      continue;
    }
    const auto member = members_of_fields[field];
    if (seen & member_bit(member)) eventy::detail::fail_member_twice(member_names[member]);
    seen |= member_bit(member);
    decode_step(member_names[member], [&] { read_member(member, tag, at); });
  }
  if (!(seen & member_bit(Member::type))) eventy::detail::fail_member_missing(member_names[Member::type]);
  settle();
  return envelope_;
}

void ProtobufDecoder::read_member(std::size_t member, std::uint32_t tag, WireCursor& at) {
  if (member == Member::context) {
    context_ = {.is = Is::services, .block = block_in(tag, at)};
  } else if (member == Member::data) {
    const auto block = block_in(tag, at);
    data_ = tag >> 3 == message_field ? slot_of_any(block) : Slot{.is = Is::map, .block = block};
  } else {
    eventy::read_member(member, envelope_, FieldReader{tag, at});
  }
}

void ProtobufDecoder::settle() {
  if (envelope_.kind != Kind::response) clear_response_members(envelope_);
  // Texts have no presence, so an absent text is empty, and broken_rule() refuses it as empty.
  if (const auto broken = broken_rule(envelope_)) throw DecodeError(*broken);
}

void ProtobufDecoder::read_context(eventy::Context& out) {
  reader_.start(context_);
  decode_step(member_names[Member::context], [&] { read(reader_, out); });
}

Reader& ProtobufDecoder::data() {
  reader_.start(data_);
  return reader_;
}

}  // namespace eventy::protobuf::detail
