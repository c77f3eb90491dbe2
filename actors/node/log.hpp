// The log of a node: each message is one line, whatever the records contain that it quotes. Loggers may be
// used by any thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <spdlog/spdlog.h>

#include "eventy/core/result.hpp"

namespace eventy {

// [log] of the configuration.
struct LogConfig {
  std::string level = "info";
  std::string format = "text";             // or "json"
  std::string to = "stderr";               // "stdout", or the path of a file
  std::size_t max_file_bytes = 16u << 20;  // a file that would exceed it is rotated
  std::size_t max_files = 5;               // rotated files that are kept
  friend bool operator==(const LogConfig&, const LogConfig&) = default;
};

// Throws Failure (configuration) if the file cannot be opened. Later errors of writing never reach the
// callers of the logger: lines that cannot be written are lost.
std::shared_ptr<spdlog::logger> make_log(const LogConfig& config);

// Formats as the pattern of spdlog says, with the message as one line of limited length. For every sink of a
// node, so that no caller has to escape its messages.
std::unique_ptr<spdlog::formatter> one_line_formatter(std::string pattern);

// Formats each message as a JSON object on one line, with the members that Google Cloud Logging reads
// (https://cloud.google.com/logging/docs/structured-logging): severity, time, message, thread, and the source
// location if the caller gave one. Messages have the same limit as in one_line_formatter().
std::unique_ptr<spdlog::formatter> json_formatter();

}  // namespace eventy
