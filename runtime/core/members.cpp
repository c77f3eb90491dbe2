#include "eventy/core/members.hpp"

namespace eventy {

void require_members(Kind kind, std::uint32_t seen) {
  constexpr std::uint32_t of_any = bit(Member::type) | bit(Member::ns) | bit(Member::name) |
                                   bit(Member::version) | bit(Member::source) | bit(Member::uuid) |
                                   bit(Member::correlation_id);
  constexpr std::uint32_t of_response = bit(Member::destination) | bit(Member::request_uuid);
  const auto wanted = of_any | (kind == Kind::response ? of_response : 0);
  for (std::size_t member = 0; auto missing = (wanted & ~seen) >> member; ++member) {
    if (missing & 1) detail::fail_member_missing(member_names[member]);
  }
}

void drop_answer(Envelope& e) {
  e.destination = e.request_uuid = {};
  e.ok = true;
  e.error_code.reset();
  e.error_message.reset();
}

}  // namespace eventy
