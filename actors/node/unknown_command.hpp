// A word on the command line where a command belongs and that names none.
#pragma once

#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace eventy {

// After a failed parse: names the first such word, the nearest command and all commands, in one line.
// Nothing: the parse failed for another reason.
std::optional<std::string> unknown_command(const CLI::App& parsed);

}  // namespace eventy
