// How many files, sockets among them, this process may hold open. The limit is the operating system's
// (RLIMIT_NOFILE; `ulimit -n`); stores bound what they hold by it and refuse to start where it is too low.
// Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "eventy/core/result.hpp"

namespace eventy {

struct OpenFiles {
  std::uint64_t open = 0;   // now
  std::uint64_t limit = 0;  // the soft one
};

OpenFiles open_files();

// Raises the soft limit to the hard one. For the start of a program, before a store is opened.
void raise_open_file_limit();

// What a cache of open files may hold: a quarter of the limit, from 64 to 4,096.
inline constexpr std::uint64_t fewest_cached_files = 64;
std::uint64_t cached_files();

// configuration where fewer than `needed` more can be opened; names `what` needs them, and the limit to set.
Result<void> check_open_files(std::uint64_t needed, const std::string& what);

}  // namespace eventy
