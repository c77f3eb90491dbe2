// A parsed command line of a node.
#pragma once

#include <optional>

#include "document.hpp"
#include "eventy/run.hpp"

namespace eventy {

struct CommandLine {
  std::string command;  // run, check-config, or a command of the App
  Config config = {};
  bool until_idle = false;
  Arguments options = {};  // options that the App declared for the command
};

inline constexpr int exit_usage = 2;

// The value of an option is invalid. Its own type distinguishes it from invalid_argument of a store, which is
// not a mistake on the command line.
class UsageMistake : public Failure {
 public:
  using Failure::Failure;
};

// The parsed line; or, after --help, --version or a mistake, the exit code, and the text has been printed.
// parse_command_line() throws Failure (configuration) for a malformed --set.
struct Parsed {
  std::optional<CommandLine> line = {};
  int exit_code = 0;
};
Parsed parse_command_line(int argc, char** argv, const App& app);

}  // namespace eventy
