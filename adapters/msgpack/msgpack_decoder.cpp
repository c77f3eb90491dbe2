#include "msgpack_decoder.hpp"

namespace eventy::msgpack::detail {

namespace {

// The member with this name; tries `expected` first. date_iso8601 is unknown here.
std::size_t member_of(std::string_view name, std::size_t expected) {
  if (expected < member_names.size() && eventy::detail::same_name(member_names[expected], name))
    return expected;
  const auto member = eventy::member_of(name);
  return member == Member::date_iso8601 ? std::size_t{Member::unknown} : member;
}

std::string_view text_of(Place value) {
  if (value.token().tag != Tag::text) fail_type("text", value.token());
  return value.token().view();
}

std::optional<std::string_view> text_or_null(Place value) {
  if (value.token().tag == Tag::null) return {};
  return text_of(value);
}

std::optional<std::int64_t> integer_or_null(Place value) {
  TapeReader reader;
  reader.start(value);
  if (reader.null()) return {};
  return reader.integer();
}

Kind kind_in(Place value) {
  auto kind = kind_of(text_of(value));
  if (!kind) throw DecodeError("must be EVENT, REQUEST or RESPONSE");
  return *kind;
}

Instant date_in(Place value) {
  TapeReader reader;
  reader.start(value);
  return reader.instant();
}

bool boolean_in(Place value) {
  TapeReader reader;
  reader.start(value);
  return reader.boolean();
}

Place map_in(Place value) {
  if (value.token().tag != Tag::map) fail_type("a map", value.token());
  return value;
}

}  // namespace

const Envelope& MsgpackDecoder::decode(std::string_view bytes) {
  envelope_ = {};
  context_ = data_ = empty_map();
  seen_ = 0;
  unknown_.clear();
  if (bytes.empty()) throw DecodeError("not MessagePack: there are no bytes");
  if (bytes.starts_with('\0')) throw DecodeError("not a MessagePack map" + format_hint(bytes));
  read_members(map_in(document_.parse(bytes)));
  settle();
  if (auto broken = broken_rule(envelope_)) throw DecodeError(*broken);
  return envelope_;
}

void MsgpackDecoder::read_members(Place at) {
  std::size_t expected = Member::type;
  for (++at.at; at.token().tag != Tag::end; at.at = at.behind()) {
    auto name = at.token().view();
    ++at.at;
    auto member = member_of(name, expected);
    if (member == Member::unknown) {
      unknown_.push_back(name);
      refuse_member_twice(at);
      continue;
    }
    auto mark = member_bit(member);
    if (seen_ & mark) eventy::detail::fail_member_twice(name);
    seen_ |= mark;
    try {
      read_member(member, at);
    } catch (const DecodeError& e) {
      throw e.within(name);
    }
    expected = member + 1;
    if (member == Member::date_timestamp)
      expected = envelope_.kind == Kind::response ? Member::destination : Member::context;
  }
  if (!unknown_.empty()) refuse_name_twice(unknown_);
}

void MsgpackDecoder::read_member(std::size_t member, Place value) {
  Envelope& e = envelope_;
  switch (member) {
    case Member::type:
      e.kind = kind_in(value);
      break;
    case Member::ns:
      e.ns = text_of(value);
      break;
    case Member::name:
      e.name = text_of(value);
      break;
    case Member::protocol_version:
      e.protocol_version = text_of(value);
      break;
    case Member::version:
      e.version = text_of(value);
      break;
    case Member::source:
      e.source = text_of(value);
      break;
    case Member::uuid:
      e.uuid = text_of(value);
      break;
    case Member::correlation_id:
      e.correlation_id = text_of(value);
      break;
    case Member::partition_key:
      e.partition_key = text_or_null(value);
      break;
    case Member::date_timestamp:
      e.date = date_in(value);
      break;
    case Member::context:
      context_ = map_in(value);
      break;
    case Member::data:
      data_ = map_in(value);
      break;
    default:
      read_answer(member, value);
  }
}

void MsgpackDecoder::read_answer(std::size_t member, Place value) {
  Envelope& e = envelope_;
  switch (member) {
    case Member::destination:
      e.destination = text_of(value);
      break;
    case Member::request_uuid:
      e.request_uuid = text_of(value);
      break;
    case Member::ok:
      e.ok = boolean_in(value);
      break;
    case Member::error_code:
      e.error_code = integer_or_null(value);
      break;
    case Member::error_message:
      e.error_message = text_or_null(value);
      break;
  }
}

void MsgpackDecoder::settle() {
  require_members(envelope_.kind, seen_);
  if (!(seen_ & member_bit(Member::date_timestamp)))
    eventy::detail::fail_member_missing(member_names[Member::date_timestamp]);
  if (envelope_.kind != Kind::response) clear_response_members(envelope_);
}

void MsgpackDecoder::read_context(Context& out) {
  reader_.start(context_);
  try {
    read(reader_, out);
  } catch (const DecodeError& e) {
    throw e.within(member_names[Member::context]);
  }
}

Reader& MsgpackDecoder::data() {
  reader_.start(data_);
  return reader_;
}

}  // namespace eventy::msgpack::detail
