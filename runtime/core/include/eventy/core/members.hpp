// The members of a record by name, for formats that have names: which there are, the order in which they are
// written (runtime/core/protocol.md, "JSON"), and which are required.
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
    destination,  // from here to error_message: of a response only
    request_uuid,
    ok,
    error_code,
    error_message,
    context,
    data,
    unknown,  // and how many are known
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
constexpr std::uint32_t bit(std::size_t member) { return std::uint32_t{1} << member; }

// Throws DecodeError for the first member without a default that is not among those `seen`. Of the date it
// knows nothing: formats differ in how they give it.
void require_members(Kind kind, std::uint32_t seen);

// The members of a response mean nothing elsewhere.
void drop_answer(Envelope& e);

}  // namespace eventy
