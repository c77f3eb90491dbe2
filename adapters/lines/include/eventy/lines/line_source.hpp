// A source that follows a text file as it grows, exactly once: each complete line is handed to code of the
// user, and the place in the file is committed together with what that emits.
//
//   eventy::service<>("till").source<eventy::LinePosition>(
//       "inbox", eventy::LineSource("/var/spool/inbox", [](auto& pull, const eventy::LineSource::Line& line)
//       {
//         pull.emit(parse(line.text), customer_of(line.text));  // may throw: a dead letter
//       }));
//
// The file may grow, be rotated by renaming or by copying and cutting short (copytruncate), be replaced, and
// be away for a while; README.md of this folder says what is found again, and what cannot be. It is owned by
// its service, which copies it freely: the copies share the open file. One poll runs at a time, on the
// thread of the source.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "eventy/service.hpp"

namespace eventy {

// Where a LineSource goes on: the state of the source.
struct LinePosition {
  std::uint64_t device = 0, inode = 0;  // of the file; inode 0: none was begun
  std::uint64_t offset = 0;             // bytes of it that were taken
  std::uint64_t lines = 0;              // lines of it that were taken
  std::uint64_t total = 0;              // lines that were taken of all files
  std::uint64_t fingerprint = 0;        // of what lies before the offset
  bool in_long_line = false;            // the offset is within a line that is passed over to its end
  EVENTY_FIELDS(device, inode, offset, lines, total, fingerprint, in_long_line);
  friend bool operator==(const LinePosition&, const LinePosition&) = default;
};

struct LineSourceOptions {
  // Of a line without its end. Of a longer one only so many bytes are kept, in a dead letter. At least 1.
  std::size_t max_line_bytes = 64 * 1024;
  // Between two polls of a file that has not grown.
  Duration poll{100};
  // How long a file that was renamed must not grow before it counts as finished: its writer may still have it
  // open.
  Duration linger{5'000};
  // Of `linger`; null: the system's.
  std::shared_ptr<const Clock> clock = {};
};

class LineSource {
 public:
  struct Line {
    std::string_view text;     // UTF-8 without NUL and without its end, "\n" or "\r\n"; valid during the call
    std::uint64_t number = 0;  // in its file, from 1
    std::uint64_t total = 0;   // among all that this source has taken, from 1
  };
  // Hands on one line. What it throws makes the line a dead letter, and the source goes on; std::bad_alloc
  // and eventy::Failure end the poll, as in Pull::take.
  using Take = std::function<void(Pull<LinePosition>& pull, const Line& line)>;

  // The file need not exist yet. Throws std::invalid_argument for an empty path, a limit of 0 and a `take`
  // that is empty.
  LineSource(std::filesystem::path file, Take take, LineSourceOptions options = {});

  // One poll. Throws Failure (permission_denied, io, invalid_argument) that names the file where it cannot be
  // read or is no regular file; a file that is not there is waited for.
  void operator()(Pull<LinePosition>& pull) const;

 private:
  class Follower;
  std::shared_ptr<Follower> follower_;
};

}  // namespace eventy
