#include "unknown_command.hpp"

#include <CLI/CLI.hpp>

#include "document.hpp"

namespace eventy {

std::optional<std::string> unknown_command(const CLI::App& parsed) {
  const CLI::App* last = &parsed;
  while (!last->get_subcommands().empty()) last = last->get_subcommands().front();
  const auto rest = last->remaining();
  if (last->get_require_subcommand_min() == 0 || rest.empty() || rest.front().starts_with('-'))
    return std::nullopt;

  std::vector<std::string> known;
  std::string names;
  for (const CLI::App* command : last->get_subcommands({})) {
    known.push_back(command->get_name());
    names += (names.empty() ? "" : ", ") + command->get_name();
  }
  const auto near = nearest(rest.front(), known);
  return "there is no command \"" + rest.front() + "\"" + (near ? "; did you mean \"" + *near + "\"?" : ".") +
         " Known: " + names;
}

}  // namespace eventy
