// Which field of record.proto holds which member of a record.
#pragma once

#include <array>
#include <cstdint>

#include "eventy/core/members.hpp"

namespace eventy::protobuf::detail {

// The number of each member's field, in the order of Member; 0: none.
inline constexpr std::array<std::uint32_t, Member::unknown> field_numbers{1,  2, 3,  4,  5,  6,  7,  8,  9,
                                                                          10, 0, 11, 12, 13, 14, 15, 16, 17};
// The other form of the data: a user's message.
inline constexpr std::uint32_t message_field = 18;
inline constexpr std::uint32_t end_of_fields = 19;

// The member of each field, by number.
inline constexpr auto members_of_fields = [] {
  std::array<std::size_t, end_of_fields> members{};
  members.fill(Member::unknown);
  for (std::size_t member = 0; member < field_numbers.size(); ++member) {
    if (field_numbers[member] != 0) members[field_numbers[member]] = member;
  }
  members[message_field] = Member::data;
  return members;
}();

constexpr bool has_field_for_each_member() {
  for (std::size_t member = 0; member < field_numbers.size(); ++member) {
    const auto field = field_numbers[member];
    const bool own = field != 0 && members_of_fields[field] == member;
    if (!own && member != Member::date_iso8601) return false;
  }
  return true;
}
static_assert(has_field_for_each_member(), "record.proto has a field for each member; one date is enough");

}  // namespace eventy::protobuf::detail
