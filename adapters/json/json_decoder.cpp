#include "json_decoder.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "eventy/core/date.hpp"

namespace eventy::json::detail {

namespace {

struct Field {
  enum Number : std::size_t {  // in the protocol's order
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
    date_iso8601,
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

constexpr std::array<std::string_view, Field::unknown> names{"type",          "namespace",
                                                             "name",          "protocol_version",
                                                             "version",       "source",
                                                             "uuid",          "correlation_id",
                                                             "partition_key", "date_timestamp",
                                                             "date_iso8601",  "destination",
                                                             "request_uuid",  "ok",
                                                             "error_code",    "error_message",
                                                             "context",       "data"};

constexpr std::uint32_t bit(Field::Number f) { return std::uint32_t{1} << f; }

// Those without a default; the date is one of two.
constexpr std::uint32_t required = bit(Field::type) | bit(Field::ns) | bit(Field::name) |
                                   bit(Field::version) | bit(Field::source) | bit(Field::uuid) |
                                   bit(Field::correlation_id);
constexpr std::uint32_t required_of_response = bit(Field::destination) | bit(Field::request_uuid);

std::size_t field_of(std::string_view text) {
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), text) - names.begin());
}

// Runs a read of one member; an error in it names the member.
template <class Read>
auto within(std::size_t field, Read read) {
  try {
    return read();
  } catch (const DecodeError& e) {
    throw e.within(names[field]);
  }
}

[[noreturn, gnu::cold, gnu::noinline]] void fail_member(std::size_t field, const char* wanted, Place found) {
  within(field, [&] { fail_type(wanted, found); });
  __builtin_unreachable();
}

[[gnu::always_inline]] inline std::string_view text_of(std::size_t field, Place value) {
  if (value.tag() != Tag::text) [[unlikely]]
    fail_member(field, "text", value);
  return value.text();
}

std::optional<std::string_view> text_or_null(std::size_t field, Place value) {
  if (value.tag() == Tag::null) return {};
  if (value.tag() != Tag::text) fail_member(field, "text or null", value);
  return value.text();
}

std::int64_t integer_of(std::size_t field, Place value) {
  return within(field, [&] {
    TapeReader reader;
    reader.start(value);
    return reader.integer();
  });
}

Instant date_of(Place value) {
  auto date = parse_iso8601(text_of(Field::date_iso8601, value));
  if (!date) throw DecodeError("must be a date in ISO 8601").within(names[Field::date_iso8601]);
  return *date;
}

Kind kind_in(Place value) {
  auto kind = kind_of(text_of(Field::type, value));
  if (!kind) throw DecodeError("must be EVENT, REQUEST or RESPONSE").within(names[Field::type]);
  return *kind;
}

Place map_of(std::size_t field, Place value) {
  if (value.tag() != Tag::map) fail_member(field, "a map", value);
  return value;
}

bool boolean_of(std::size_t field, Place value) {
  if (value.tag() != Tag::yes && value.tag() != Tag::no) fail_member(field, "a boolean", value);
  return value.tag() == Tag::yes;
}

}  // namespace

const Envelope& JsonDecoder::decode(std::string_view bytes) {
  envelope_ = {};
  context_ = data_ = empty_map();
  seen_ = 0;
  unknown_.clear();
  auto root = document_.parse(bytes);
  if (root.tag() != Tag::map) fail_type("a map", root);
  read_members(root);
  settle(date_timestamp_);
  if (auto broken = broken_rule(envelope_)) throw DecodeError(*broken);
  return envelope_;
}

void JsonDecoder::read_members(Place at) {
  ++at.at;
  read_expected(at);
  for (; at.tag() == Tag::text; at.at = at.behind()) {
    auto text = at.text();
    ++at.at;
    auto field = field_of(text);
    if (field == Field::unknown) {
      unknown_.push_back(text);
      refuse_member_twice(at);
      continue;
    }
    auto mark = std::uint32_t{1} << field;
    if (seen_ & mark) eventy::detail::fail_member_twice(text);
    seen_ |= mark;
    read_member(field, at);
  }
  if (!unknown_.empty()) refuse_name_twice(unknown_);
}

// Straight through the members as long as they come in the protocol's order, which they mostly do to the end.
void JsonDecoder::read_expected(Place& at) {
  auto take_all = [&]<std::size_t First, std::size_t... I>(std::index_sequence<First, I...>) {
    return (take<First>(at) && ... && take<I>(at));
  };
  auto from = []<std::size_t First, std::size_t... I>(std::integral_constant<std::size_t, First>,
                                                      std::index_sequence<I...>) {
    return std::index_sequence<First + I...>();
  };
  using std::integral_constant, std::make_index_sequence;
  constexpr auto start = integral_constant<std::size_t, Field::type>();
  constexpr auto response = integral_constant<std::size_t, Field::destination>();
  constexpr auto end = integral_constant<std::size_t, Field::context>();
  if (!take_all(from(start, make_index_sequence<response - start>()))) return;
  bool whole =
      envelope_.kind != Kind::response || take_all(from(response, make_index_sequence<end - response>()));
  if (whole) take_all(from(end, make_index_sequence<Field::unknown - end>()));
}

template <std::size_t F>
bool JsonDecoder::take(Place& at) {
  if (at.tag() != Tag::text || at.text() != names[F]) [[unlikely]]
    return false;
  ++at.at;
  seen_ |= std::uint32_t{1} << F;
  read_member(F, at);
  at.at = at.behind();
  return true;
}

void JsonDecoder::read_member(std::size_t field, Place value) {
  Envelope& e = envelope_;
  switch (field) {
    case Field::type:
      e.kind = kind_in(value);
      break;
    case Field::ns:
      e.ns = text_of(field, value);
      break;
    case Field::name:
      e.name = text_of(field, value);
      break;
    case Field::protocol_version:
      e.protocol_version = text_of(field, value);
      break;
    case Field::version:
      e.version = text_of(field, value);
      break;
    case Field::source:
      e.source = text_of(field, value);
      break;
    case Field::uuid:
      e.uuid = text_of(field, value);
      break;
    case Field::correlation_id:
      e.correlation_id = text_of(field, value);
      break;
    case Field::partition_key:
      e.partition_key = text_or_null(field, value);
      break;
    case Field::date_timestamp:
      date_timestamp_ = value;
      break;
    case Field::date_iso8601:
      e.date = date_of(value);
      break;
    case Field::destination:
      e.destination = text_of(field, value);
      break;
    case Field::request_uuid:
      e.request_uuid = text_of(field, value);
      break;
    case Field::ok:
      e.ok = boolean_of(field, value);
      break;
    case Field::error_code:
      if (value.tag() != Tag::null) e.error_code = integer_of(field, value);
      break;
    case Field::error_message:
      e.error_message = text_or_null(field, value);
      break;
    case Field::context:
      context_ = map_of(field, value);
      break;
    case Field::data:
      data_ = map_of(field, value);
      break;
  }
}

void JsonDecoder::settle(Place timestamp) {
  auto wanted = required | (envelope_.kind == Kind::response ? required_of_response : 0);
  for (std::size_t field = 0; auto missing = (wanted & ~seen_) >> field; ++field) {
    if (missing & 1) eventy::detail::fail_member_missing(names[field]);
  }
  if (!(seen_ & bit(Field::date_iso8601))) {
    if (!(seen_ & bit(Field::date_timestamp)))
      eventy::detail::fail_member_missing(names[Field::date_iso8601]);
    envelope_.date = Instant(Duration(integer_of(Field::date_timestamp, timestamp)));
  }
  if (envelope_.kind == Kind::response) return;
  // Members of a response mean nothing elsewhere.
  envelope_.destination = envelope_.request_uuid = {};
  envelope_.ok = true;
  envelope_.error_code.reset();
  envelope_.error_message.reset();
}

bool JsonDecoder::context_is_empty() {
  return Place{context_.tape, context_.texts, context_.at + 1}.tag() == Tag::map_end;
}

void JsonDecoder::read_context(Context& out) {
  within(Field::context, [&] {
    reader_.start(context_);
    read(reader_, out);
  });
}

Reader& JsonDecoder::data() {
  reader_.start(data_);
  return reader_;
}

}  // namespace eventy::json::detail
