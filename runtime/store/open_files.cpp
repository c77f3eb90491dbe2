#include "eventy/store/open_files.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <filesystem>

namespace eventy {
namespace {

constexpr std::uint64_t max_cached_files = 4096;
constexpr std::uint64_t share_of_a_cache = 4;
constexpr std::uint64_t step_of_advice = 256;  // people set round limits

rlimit limits() {
  rlimit both{};
  if (::getrlimit(RLIMIT_NOFILE, &both) != 0) both.rlim_cur = both.rlim_max = RLIM_INFINITY;
  return both;
}

}  // namespace

OpenFiles open_files() {
  OpenFiles files{.limit = limits().rlim_cur};
  std::error_code error;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end;
       it.increment(error))
    ++files.open;
  if (files.open > 0) --files.open;  // the listing's own file
  return files;
}

void raise_open_file_limit() {
  rlimit both = limits();
  if (both.rlim_cur == both.rlim_max) return;
  both.rlim_cur = both.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &both);  // if it fails, the check before opening files reports it
}

std::uint64_t cached_files() {
  return std::clamp<std::uint64_t>(limits().rlim_cur / share_of_a_cache, min_cached_files, max_cached_files);
}

Result<void> check_open_files(std::uint64_t needed, const std::string& what) {
  const auto files = open_files();
  if (files.limit >= files.open + needed) return {};
  const auto enough = (files.open + needed + step_of_advice - 1) / step_of_advice * step_of_advice;
  return Error{ErrorCode::configuration,
               what + " needs " + std::to_string(needed) + " open files in addition to the " +
                   std::to_string(files.open) + " that are open; the limit of this process is " +
                   std::to_string(files.limit) + ": raise the limit to " + std::to_string(enough) +
                   " (`ulimit -n`, or LimitNOFILE of a systemd service)"};
}

}  // namespace eventy
