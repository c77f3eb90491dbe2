#include "msgpack_decoder.hpp"

#include "eventy/core/decoding.hpp"

namespace eventy::msgpack::detail {

using eventy::detail::decode_step;

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

Place map_in(Place value) {
  if (value.token().tag != Tag::map) fail_type("a map", value.token());
  return value;
}

// Reads a member's value into a field of the envelope.
struct FieldReader {
  Place value;

  TapeReader reader() const {
    TapeReader reader;
    reader.start(value);
    return reader;
  }
  void operator()(Kind& kind) const { kind = eventy::detail::kind_in(text_of(value)); }
  void operator()(std::string_view& text) const { text = text_of(value); }
  void operator()(std::optional<std::string_view>& text) const {
    if (value.token().tag != Tag::null) text = text_of(value);
  }
  void operator()(Instant& date) const { date = reader().instant(); }
  void operator()(bool& yes) const { yes = reader().boolean(); }
  void operator()(std::optional<std::int64_t>& integer) const {
    if (value.token().tag != Tag::null) integer = reader().integer();
  }
};

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
    decode_step(name, [&] { read_member(member, at); });
    expected = member + 1;
    if (member == Member::date_timestamp)
      expected = envelope_.kind == Kind::response ? Member::destination : Member::context;
  }
  if (!unknown_.empty()) refuse_name_twice(unknown_);
}

void MsgpackDecoder::read_member(std::size_t member, Place value) {
  if (member == Member::context) {
    context_ = map_in(value);
  } else if (member == Member::data) {
    data_ = map_in(value);
  } else {
    eventy::read_member(member, envelope_, FieldReader{value});
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
  decode_step(member_names[Member::context], [&] { read(reader_, out); });
}

Reader& MsgpackDecoder::data() {
  reader_.start(data_);
  return reader_;
}

}  // namespace eventy::msgpack::detail
