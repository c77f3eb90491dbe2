// The command line of a node as plain data.
#pragma once

#include <optional>

#include "document.hpp"
#include "eventy/node.hpp"

namespace eventy {

struct CommandLine {
  std::string command;  // run, check-config, or one of the App's
  std::optional<std::string> config = {};
  std::vector<Document::Override> overrides = {};  // --set and --data, in that order
  bool until_idle = false;
  Arguments options = {};  // those that the App declared for the command
};

inline constexpr int exit_usage = 2;

// The value of an option is not what it must be; else a store's word for a mistake of its caller would pass
// for one on the command line.
class UsageMistake : public Failure {
 public:
  using Failure::Failure;
};

// What was asked for; or, if that was --help, --version or a mistake, the exit code: what there was to say is
// printed. Throws Failure (configuration) for a malformed --set.
struct Parsed {
  std::optional<CommandLine> line = {};
  int exit_code = 0;
};
Parsed parse_command_line(int argc, char** argv, const App& app);

}  // namespace eventy
