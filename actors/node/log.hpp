// The log of a node: a message is a line, whatever the records say that it speaks of.
#pragma once

#include <memory>
#include <string>

#include <spdlog/spdlog.h>

namespace eventy {

// To standard error, with messages of this level and above.
std::shared_ptr<spdlog::logger> make_log(const std::string& level);

// As the pattern of spdlog says, with the message made one line of limited length. For every sink of a node,
// so that no caller has to think of it.
std::unique_ptr<spdlog::formatter> one_line_formatter(std::string pattern);

}  // namespace eventy
