#include "eventy/core/members.hpp"

namespace eventy {

void require_members(Kind kind, std::uint32_t seen) {
  constexpr auto of_any = required_members(Kind::event), of_response = required_members(Kind::response);
  const auto wanted = kind == Kind::response ? of_response : of_any;
  for (std::size_t member = 0; auto missing = (wanted & ~seen) >> member; ++member) {
    if (missing & 1) detail::fail_member_missing(member_names[member]);
  }
}

void clear_response_members(Envelope& e) {
  constexpr Envelope none;
  for_members<Member::destination, Member::context>([&](auto member) {
    constexpr auto field = std::get<member>(envelope_members).field;
    e.*field = none.*field;
  });
}

}  // namespace eventy
