#include "eventy/core/members.hpp"

namespace eventy {

void require_members(Kind kind, std::uint32_t seen) {
  constexpr std::uint32_t of_any = member_bit(Member::type) | member_bit(Member::ns) |
                                   member_bit(Member::name) | member_bit(Member::version) |
                                   member_bit(Member::source) | member_bit(Member::uuid) |
                                   member_bit(Member::correlation_id);
  constexpr std::uint32_t of_response = member_bit(Member::destination) | member_bit(Member::request_uuid);
  const auto wanted = of_any | (kind == Kind::response ? of_response : 0);
  for (std::size_t member = 0; auto missing = (wanted & ~seen) >> member; ++member) {
    if (missing & 1) detail::fail_member_missing(member_names[member]);
  }
}

void clear_response_members(Envelope& e) {
  e.destination = e.request_uuid = {};
  e.ok = true;
  e.error_code.reset();
  e.error_message.reset();
}

}  // namespace eventy
