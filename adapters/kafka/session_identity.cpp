#include "session_identity.hpp"

namespace eventy::kafka::detail {

std::optional<std::string> SessionIdentity::member_with(std::string_view transactional_id) const {
  const auto node_between = [&](char separator, std::string_view end) -> std::optional<std::string> {
    const std::string start = group() + separator;
    if (!transactional_id.starts_with(start) || !transactional_id.ends_with(end) ||
        transactional_id.size() <= start.size() + end.size())
      return std::nullopt;
    return std::string(
        transactional_id.substr(start.size(), transactional_id.size() - start.size() - end.size()));
  };
  auto node = node_between('/', "/0");
  if (!node) node = node_between('-', "-0");
  return node ? std::optional(member_of(*node)) : std::nullopt;
}

std::string SessionIdentity::how_to_accept() const {
  return "start once with [kafka] accept_positions = \"" + options.service +
         "\" to accept it and keep the states as they are, or " + how_to_start_over;
}

std::string SessionIdentity::how_to_continue() const {
  return "Stop the service, set the offset of group " + printable(group()) +
         " to where it should continue, and " + how_to_accept();
}

}  // namespace eventy::kafka::detail
