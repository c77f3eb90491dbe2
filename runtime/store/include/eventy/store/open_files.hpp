// The limit of files and sockets that this process may hold open (RLIMIT_NOFILE; `ulimit -n`). Stores size
// their caches by it and refuse to start if it is too low. Any thread may call it.
#pragma once

#include <cstdint>
#include <string>

#include "eventy/core/result.hpp"

namespace eventy {

struct OpenFiles {
  std::uint64_t open = 0;   // now
  std::uint64_t limit = 0;  // the soft limit
};

OpenFiles open_files();

// Raises the soft limit to the hard limit. Call it at the start of a program, before a store is opened.
void raise_open_file_limit();

// The number of files that a cache of open files may hold: a quarter of the limit, between 64 and 4,096.
inline constexpr std::uint64_t min_cached_files = 64;
std::uint64_t cached_files();

// ErrorCode::configuration if fewer than `needed` more files can be opened; the text names `what`, which
// needs them, and the limit to set.
Result<void> check_open_files(std::uint64_t needed, const std::string& what);

}  // namespace eventy
