#include "standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "eventy/core/one_line.hpp"

namespace eventy {

void prepare_standard_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(stream, F_GETFD) == -1 && errno == EBADF)
      (void)::open("/dev/null", O_RDWR);  // gets the lowest free number, which is this one
}

// Does not use fmt, which throws if it cannot write.
void say_on_standard_error(const std::string& line) {
  std::fputs((one_line(line, 2 * longest_reason) + '\n').c_str(), stderr);
}

void print_line(const std::string& line) {
  constexpr std::size_t max_on_a_terminal = 64u << 10;
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  const std::string shown = (is_terminal ? one_line(line, max_on_a_terminal) : line) + '\n';
  std::fwrite(shown.data(), 1, shown.size(), stdout);
}

bool standard_output_is_written() { return std::fflush(stdout) == 0 && std::ferror(stdout) == 0; }

}  // namespace eventy
