#include "msgpack_decoder.hpp"

#include <algorithm>
#include <array>

namespace eventy::msgpack::detail {

namespace {

struct Field {
  enum Number : std::size_t {  // in the order in which they are written
    type,
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
    data,
    unknown,  // and how many are known
  };
};

constexpr std::array<std::string_view, Field::unknown> names{
    "type", "namespace",      "name",          "protocol_version", "version",     "source",
    "uuid", "correlation_id", "partition_key", "date_timestamp",   "destination", "request_uuid",
    "ok",   "error_code",     "error_message", "context",          "data"};

constexpr std::uint32_t bit(Field::Number f) { return std::uint32_t{1} << f; }

constexpr std::uint32_t required = bit(Field::type) | bit(Field::ns) | bit(Field::name) |
                                   bit(Field::version) | bit(Field::source) | bit(Field::uuid) |
                                   bit(Field::correlation_id) | bit(Field::date_timestamp);
constexpr std::uint32_t required_of_response = bit(Field::destination) | bit(Field::request_uuid);

// The member that a name means; `expected` is tried first.
std::size_t field_of(std::string_view name, std::size_t expected) {
  if (expected < names.size() && names[expected] == name) return expected;
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
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
  read_members(map_in(document_.parse(bytes)));
  settle();
  if (auto broken = broken_rule(envelope_)) throw DecodeError(*broken);
  return envelope_;
}

void MsgpackDecoder::read_members(Place at) {
  std::size_t expected = Field::type;
  for (++at.at; at.token().tag != Tag::end; at.at = at.behind()) {
    auto name = at.token().view();
    ++at.at;
    auto field = field_of(name, expected);
    if (field == Field::unknown) {
      unknown_.push_back(name);
      refuse_member_twice(at);
      continue;
    }
    auto mark = std::uint32_t{1} << field;
    if (seen_ & mark) eventy::detail::fail_member_twice(name);
    seen_ |= mark;
    try {
      read_member(field, at);
    } catch (const DecodeError& e) {
      throw e.within(name);
    }
    bool skips_answer = field == Field::date_timestamp && envelope_.kind != Kind::response;
    expected = skips_answer ? std::size_t{Field::context} : field + 1;
  }
  if (!unknown_.empty()) refuse_name_twice(unknown_);
}

void MsgpackDecoder::read_member(std::size_t field, Place value) {
  Envelope& e = envelope_;
  switch (field) {
    case Field::type:
      e.kind = kind_in(value);
      break;
    case Field::ns:
      e.ns = text_of(value);
      break;
    case Field::name:
      e.name = text_of(value);
      break;
    case Field::protocol_version:
      e.protocol_version = text_of(value);
      break;
    case Field::version:
      e.version = text_of(value);
      break;
    case Field::source:
      e.source = text_of(value);
      break;
    case Field::uuid:
      e.uuid = text_of(value);
      break;
    case Field::correlation_id:
      e.correlation_id = text_of(value);
      break;
    case Field::partition_key:
      e.partition_key = text_or_null(value);
      break;
    case Field::date_timestamp:
      e.date = date_in(value);
      break;
    case Field::context:
      context_ = map_in(value);
      break;
    case Field::data:
      data_ = map_in(value);
      break;
    default:
      read_answer(field, value);
  }
}

void MsgpackDecoder::read_answer(std::size_t field, Place value) {
  Envelope& e = envelope_;
  switch (field) {
    case Field::destination:
      e.destination = text_of(value);
      break;
    case Field::request_uuid:
      e.request_uuid = text_of(value);
      break;
    case Field::ok:
      e.ok = boolean_in(value);
      break;
    case Field::error_code:
      e.error_code = integer_or_null(value);
      break;
    case Field::error_message:
      e.error_message = text_or_null(value);
      break;
  }
}

void MsgpackDecoder::settle() {
  auto wanted = required | (envelope_.kind == Kind::response ? required_of_response : 0);
  for (std::size_t field = 0; auto missing = (wanted & ~seen_) >> field; ++field) {
    if (missing & 1) eventy::detail::fail_member_missing(names[field]);
  }
  if (envelope_.kind == Kind::response) return;
  // Members of a response mean nothing elsewhere.
  envelope_.destination = envelope_.request_uuid = {};
  envelope_.ok = true;
  envelope_.error_code.reset();
  envelope_.error_message.reset();
}

void MsgpackDecoder::read_context(Context& out) {
  reader_.start(context_);
  try {
    read(reader_, out);
  } catch (const DecodeError& e) {
    throw e.within(names[Field::context]);
  }
}

Reader& MsgpackDecoder::data() {
  reader_.start(data_);
  return reader_;
}

}  // namespace eventy::msgpack::detail
