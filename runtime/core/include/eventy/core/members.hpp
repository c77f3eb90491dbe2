// The members of a record, in the order in which they are written (protocol.md): their names, which of them
// are required, and which field of the envelope each of them fills. Decoders and encoders go by this table,
// so a format says only how it reads and writes a value of each type.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <utility>

#include "eventy/core/record.hpp"

namespace eventy {

struct Member {
  enum Number : std::size_t {
    type,
    ns,
    name,
    protocol,  // protocol_version, which is a constant of the library
    version,
    source,
    uuid,
    correlation_id,
    partition_key,
    date_timestamp,
    date_iso8601,
    destination,  // from here to error_message: responses only
    request_uuid,
    ok,
    error_code,
    error_message,
    context,
    data,
    unknown,  // also the number of known members
  };
};

enum class Required : std::uint8_t { never, always, in_response };

// `field` is what the member fills; its type says how a format reads and writes the member.
template <class T>
struct EnvelopeMember {
  std::string_view name;
  Required required;
  T Envelope::*field;
};
template <class T>
EnvelopeMember(std::string_view, Required, T Envelope::*) -> EnvelopeMember<T>;

// In the order of Member; `context` and `data` follow. One of the two dates is required. Formats check that
// themselves, because they spell the date differently.
inline constexpr std::tuple envelope_members{
    EnvelopeMember{"type", Required::always, &Envelope::kind},
    EnvelopeMember{"namespace", Required::always, &Envelope::ns},
    EnvelopeMember{"name", Required::always, &Envelope::name},
    EnvelopeMember{"protocol_version", Required::never, &Envelope::protocol_version},
    EnvelopeMember{"version", Required::always, &Envelope::version},
    EnvelopeMember{"source", Required::always, &Envelope::source},
    EnvelopeMember{"uuid", Required::always, &Envelope::uuid},
    EnvelopeMember{"correlation_id", Required::always, &Envelope::correlation_id},
    EnvelopeMember{"partition_key", Required::never, &Envelope::partition_key},
    EnvelopeMember{"date_timestamp", Required::never, &Envelope::date},
    EnvelopeMember{"date_iso8601", Required::never, &Envelope::date},
    EnvelopeMember{"destination", Required::in_response, &Envelope::destination},
    EnvelopeMember{"request_uuid", Required::in_response, &Envelope::request_uuid},
    EnvelopeMember{"ok", Required::never, &Envelope::ok},
    EnvelopeMember{"error_code", Required::never, &Envelope::error_code},
    EnvelopeMember{"error_message", Required::never, &Envelope::error_message},
};
static_assert(std::tuple_size_v<decltype(envelope_members)> == Member::context,
              "each member before the context has a line in the table");

template <std::size_t M>
using MemberConstant = std::integral_constant<std::size_t, M>;

// Calls `visit(MemberConstant)` for the members from First up to, but without, End.
template <std::size_t First, std::size_t End, class Visit>
[[gnu::always_inline]] constexpr void for_members(Visit visit) {
  [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
    (visit(MemberConstant<First + I>()), ...);
  }
  (std::make_index_sequence<End - First>());
}

inline constexpr auto member_names = [] {
  std::array<std::string_view, Member::unknown> names;
  for_members<Member::type, Member::context>(
      [&](auto member) { names[member] = std::get<member>(envelope_members).name; });
  names[Member::context] = "context";
  names[Member::data] = "data";
  return names;
}();

inline std::size_t member_of(std::string_view name) {
  return static_cast<std::size_t>(std::find(member_names.begin(), member_names.end(), name) -
                                  member_names.begin());
}

// Sets of members: a bit for each.
constexpr std::uint32_t member_bit(std::size_t member) { return std::uint32_t{1} << member; }

// The members without a default. Without the date.
constexpr std::uint32_t required_members(Kind kind) {
  std::uint32_t required = 0;
  for_members<Member::type, Member::context>([&](auto member) {
    const auto needed = std::get<member>(envelope_members).required;
    if (needed == Required::always || (needed == Required::in_response && kind == Kind::response))
      required |= member_bit(member);
  });
  return required;
}

// Throws DecodeError for the first of required_members() that is not in `seen`.
void require_members(Kind kind, std::uint32_t seen);

// Calls `read(field)` with the field that the member fills: a Kind, an Instant, a bool, a text, or an
// optional text or integer. Does nothing for `context` and `data`, which have no field. Inline, because some
// callers pass a constant member and need one of the calls.
template <class Read>
[[gnu::always_inline]] inline void read_member(std::size_t member, Envelope& e, Read read) {
  [&]<std::size_t... M>(std::index_sequence<M...>) __attribute__((always_inline)) {
    (void)((member == M && (read(e.*std::get<M>(envelope_members).field), true)) || ...);
  }
  (std::make_index_sequence<Member::context>());
}

// Calls `write(MemberConstant, field)` for the members from First up to, but without, End.
template <std::size_t First, std::size_t End, class Write>
[[gnu::always_inline]] inline void write_members(const Envelope& e, Write write) {
  for_members<First, End>([&](auto member) { write(member, e.*std::get<member>(envelope_members).field); });
}

// For all members of the envelope in order; for those of a response only if it is one.
template <class Write>
[[gnu::always_inline]] inline void write_members(const Envelope& e, Write write) {
  write_members<Member::type, Member::destination>(e, write);
  if (e.kind == Kind::response) write_members<Member::destination, Member::context>(e, write);
}

// Clears the members that only a response has.
void clear_response_members(Envelope& e);

}  // namespace eventy
