#include "json_decoder.hpp"

#include <string>

#include "eventy/core/date.hpp"
#include "eventy/core/decoding.hpp"

namespace eventy::json::detail {

using eventy::detail::decode_step;

namespace {

[[noreturn, gnu::cold, gnu::noinline]] void fail_member(std::size_t member, const char* wanted, Place found) {
  decode_step(member_names[member], [&] { fail_type(wanted, found); });
  __builtin_unreachable();
}

[[gnu::always_inline]] inline std::string_view text_of(std::size_t member, Place value) {
  if (value.tag() != Tag::text) [[unlikely]]
    fail_member(member, "text", value);
  return value.text();
}

std::int64_t integer_of(std::size_t member, Place value) {
  return decode_step(member_names[member], [&] {
    TapeReader reader;
    reader.start(value);
    return reader.integer();
  });
}

Place map_of(std::size_t member, Place value) {
  if (value.tag() != Tag::map) fail_member(member, "a map", value);
  return value;
}

// Reads a member's value into a field of the envelope.
struct FieldReader {
  std::size_t member;
  Place value;

  void operator()(Kind& kind) const {
    const auto type = text_of(member, value);
    kind = decode_step(member_names[member], [&] { return eventy::detail::kind_in(type); });
  }
  [[gnu::always_inline]] void operator()(std::string_view& text) const { text = text_of(member, value); }
  void operator()(std::optional<std::string_view>& text) const {
    if (value.tag() == Tag::null) return;
    if (value.tag() != Tag::text) fail_member(member, "text or null", value);
    text = value.text();
  }
  void operator()(Instant& date) const {
    const auto text = text_of(member, value);
    const auto parsed = parse_iso8601(text);
    if (!parsed) decode_step(member_names[member], [&] { eventy::detail::fail_date(text); });
    date = *parsed;
  }
  void operator()(bool& yes) const {
    if (value.tag() != Tag::yes && value.tag() != Tag::no) fail_member(member, "a boolean", value);
    yes = value.tag() == Tag::yes;
  }
  void operator()(std::optional<std::int64_t>& integer) const {
    if (value.tag() != Tag::null) integer = integer_of(member, value);
  }
};

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
    auto member = member_of(text);
    if (member == Member::unknown) {
      unknown_.push_back(text);
      refuse_member_twice(at);
      continue;
    }
    auto mark = member_bit(member);
    if (seen_ & mark) eventy::detail::fail_member_twice(text);
    seen_ |= mark;
    read_member(member, at);
  }
  if (!unknown_.empty()) refuse_name_twice(unknown_);
}

// Reads the members as long as they are in the protocol's order; in most records all of them are.
void JsonDecoder::read_expected(Place& at) {
  auto take_all = [&]<std::size_t First, std::size_t... I>(std::index_sequence<First, I...>) {
    return (take<First>(at) && ... && take<I>(at));
  };
  auto from = []<std::size_t First, std::size_t... I>(std::integral_constant<std::size_t, First>,
                                                      std::index_sequence<I...>) {
    return std::index_sequence<First + I...>();
  };
  using std::integral_constant, std::make_index_sequence;
  constexpr auto start = integral_constant<std::size_t, Member::type>();
  constexpr auto response = integral_constant<std::size_t, Member::destination>();
  constexpr auto end = integral_constant<std::size_t, Member::context>();
  if (!take_all(from(start, make_index_sequence<response - start>()))) return;
  bool whole =
      envelope_.kind != Kind::response || take_all(from(response, make_index_sequence<end - response>()));
  if (whole) take_all(from(end, make_index_sequence<Member::unknown - end>()));
}

template <std::size_t F>
bool JsonDecoder::take(Place& at) {
  if (at.tag() != Tag::text || at.text() != member_names[F]) [[unlikely]]
    return false;
  ++at.at;
  seen_ |= member_bit(F);
  read_member(F, at);
  at.at = at.behind();
  return true;
}

void JsonDecoder::read_member(std::size_t member, Place value) {
  if (member == Member::date_timestamp) {
    date_timestamp_ = value;  // read only if the other date is not there
  } else if (member == Member::context) {
    context_ = map_of(member, value);
  } else if (member == Member::data) {
    data_ = map_of(member, value);
  } else {
    eventy::read_member(member, envelope_, FieldReader{member, value});
  }
}

void JsonDecoder::settle(Place timestamp) {
  require_members(envelope_.kind, seen_);
  if (!(seen_ & member_bit(Member::date_iso8601))) {
    if (!(seen_ & member_bit(Member::date_timestamp)))
      eventy::detail::fail_member_missing(member_names[Member::date_iso8601]);
    envelope_.date = Instant(Duration(integer_of(Member::date_timestamp, timestamp)));
  }
  if (envelope_.kind != Kind::response) clear_response_members(envelope_);
}

bool JsonDecoder::context_is_empty() {
  return Place{context_.tape, context_.texts, context_.at + 1}.tag() == Tag::map_end;
}

void JsonDecoder::read_context(Context& out) {
  reader_.start(context_);
  decode_step(member_names[Member::context], [&] { read(reader_, out); });
}

Reader& JsonDecoder::data() {
  reader_.start(data_);
  return reader_;
}

}  // namespace eventy::json::detail
