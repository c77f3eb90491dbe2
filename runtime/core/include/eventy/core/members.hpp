// For formats that identify a record's members by name: the members in the order in which they are written
// (protocol.md, "JSON"), and which of them are required.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "eventy/core/record.hpp"

namespace eventy {

struct Member {
  enum Number : std::size_t {
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

inline constexpr std::array<std::string_view, Member::unknown> member_names{
    "type",          "namespace",
    "name",          "protocol_version",
    "version",       "source",
    "uuid",          "correlation_id",
    "partition_key", "date_timestamp",
    "date_iso8601",  "destination",
    "request_uuid",  "ok",
    "error_code",    "error_message",
    "context",       "data"};

inline std::size_t member_of(std::string_view name) {
  return static_cast<std::size_t>(std::find(member_names.begin(), member_names.end(), name) -
                                  member_names.begin());
}

// Sets of members: a bit for each.
constexpr std::uint32_t member_bit(std::size_t member) { return std::uint32_t{1} << member; }

// Throws DecodeError for the first member that has no default and is not in `seen`. Ignores the date, because
// formats spell it differently.
void require_members(Kind kind, std::uint32_t seen);

// Clears the members that only a response has.
void clear_response_members(Envelope& e);

}  // namespace eventy
