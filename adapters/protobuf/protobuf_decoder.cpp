#include "protobuf_decoder.hpp"

#include <array>

#include "eventy/core/members.hpp"
#include "eventy/core/utf8.hpp"

namespace eventy::protobuf::detail {

namespace {

struct Field {  // of Record
  enum Number : std::uint32_t {
    type = 1,
    ns,
    name,
    protocol_version,
    version,
    source,
    uuid,
    correlation_id,
    partition_key,
    date_timestamp,
    destination,
    request_uuid,
    ok,
    error_code,
    error_message,
    context,
    fields,
    message,
    unknown,  // also the number of known fields plus one
  };
};

constexpr std::array<std::string_view, Field::unknown> names{"",
                                                             "type",
                                                             "namespace",
                                                             "name",
                                                             "protocol_version",
                                                             "version",
                                                             "source",
                                                             "uuid",
                                                             "correlation_id",
                                                             "partition_key",
                                                             "date_timestamp",
                                                             "destination",
                                                             "request_uuid",
                                                             "ok",
                                                             "error_code",
                                                             "error_message",
                                                             "context",
                                                             "data",
                                                             "data"};

constexpr bool is_number(std::uint32_t field) {
  return field == Field::type || field == Field::date_timestamp || field == Field::ok ||
         field == Field::error_code;
}

Kind kind_in(std::uint64_t value) {
  constexpr std::array kinds{Kind::event, Kind::request, Kind::response};
  if (value - 1 >= kinds.size()) throw DecodeError("must be EVENT, REQUEST or RESPONSE");
  return kinds[value - 1];
}

std::string_view text_in(WireCursor& at) {
  const auto text = at.block();
  if (!is_utf8(text)) throw DecodeError("a text is not UTF-8");
  return text;
}

Slot map_in(WireCursor& at, Is is) { return {.is = is, .block = at.block()}; }

}  // namespace

const Envelope& ProtobufDecoder::decode(std::string_view bytes) {
  if (bytes.size() > max_bytes_)
    throw DecodeError(std::to_string(bytes.size()) + " bytes are more than the limit of " +
                      std::to_string(max_bytes_));
  if (bytes.empty()) throw DecodeError("not Protocol Buffers: there are no bytes");
  if (bytes[0] == '\0') throw DecodeError("not Protocol Buffers: there is no field 0" + format_hint(bytes));
  envelope_ = {};
  context_ = {.is = Is::services};
  data_ = {.is = Is::map};
  std::uint32_t seen = 0;
  for (WireCursor at(bytes); !at.done();) {
    const auto tag = at.tag();
    const auto field = tag >> 3;
    if (field >= Field::unknown) {
      at.skip(tag);
      continue;
    }
    const auto mark = std::uint32_t{1} << (field == Field::message ? std::uint32_t{Field::fields} : field);
    if (seen & mark) eventy::detail::fail_member_twice(names[field]);
    seen |= mark;
    try {
      read_field(tag, at);
    } catch (const DecodeError& e) {
      throw e.within(names[field]);
    }
  }
  if (!(seen & 1u << Field::type)) eventy::detail::fail_member_missing(names[Field::type]);
  settle();
  return envelope_;
}

void ProtobufDecoder::read_field(std::uint32_t tag, WireCursor& at) {
  Envelope& e = envelope_;
  const auto field = tag >> 3;
  if (static_cast<Wire>(tag & 7) != (is_number(field) ? Wire::varint : Wire::block)) fail_wire(tag);
  switch (field) {
    case Field::type:
      e.kind = kind_in(at.varint());
      break;
    case Field::ns:
      e.ns = text_in(at);
      break;
    case Field::name:
      e.name = text_in(at);
      break;
    case Field::protocol_version:
      e.protocol_version = text_in(at);
      break;
    case Field::version:
      e.version = text_in(at);
      break;
    case Field::source:
      e.source = text_in(at);
      break;
    case Field::uuid:
      e.uuid = text_in(at);
      break;
    case Field::correlation_id:
      e.correlation_id = text_in(at);
      break;
    case Field::partition_key:
      e.partition_key = text_in(at);
      break;
    case Field::date_timestamp:
      e.date = Instant(Duration(static_cast<std::int64_t>(at.varint())));
      break;
    case Field::destination:
      e.destination = text_in(at);
      break;
    case Field::request_uuid:
      e.request_uuid = text_in(at);
      break;
    case Field::ok:
      e.ok = at.varint() != 0;
      break;
    case Field::error_code:
      e.error_code = static_cast<std::int64_t>(at.varint());
      break;
    case Field::error_message:
      e.error_message = text_in(at);
      break;
    case Field::context:
      context_ = map_in(at, Is::services);
      break;
    case Field::fields:
      data_ = map_in(at, Is::map);
      break;
    case Field::message:
      data_ = slot_of_any(at.block());
      break;
  }
}

void ProtobufDecoder::settle() {
  if (envelope_.kind != Kind::response) clear_response_members(envelope_);
  // Texts have no presence, so an absent text is empty, and broken_rule() refuses it as empty.
  if (const auto broken = broken_rule(envelope_)) throw DecodeError(*broken);
}

void ProtobufDecoder::read_context(eventy::Context& out) {
  reader_.start(context_);
  try {
    read(reader_, out);
  } catch (const DecodeError& e) {
    throw e.within(names[Field::context]);
  }
}

Reader& ProtobufDecoder::data() {
  reader_.start(data_);
  return reader_;
}

}  // namespace eventy::protobuf::detail
