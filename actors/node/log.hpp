// The log of a node: each message is one line, whatever the records contain that it quotes.
#pragma once

#include <memory>
#include <string>

#include <spdlog/spdlog.h>

namespace eventy {

// Logs messages of this level and above to standard error.
std::shared_ptr<spdlog::logger> make_log(const std::string& level);

// Formats as the pattern of spdlog says, with the message as one line of limited length. For every sink of a
// node, so that no caller has to escape its messages.
std::unique_ptr<spdlog::formatter> one_line_formatter(std::string pattern);

}  // namespace eventy
