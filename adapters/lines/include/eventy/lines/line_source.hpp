// A source that follows a text file as it grows, exactly once: it hands each complete line to the user's
// code, and commits the position in the file together with the records which that code emits.
//
//   eventy::service<>("till").source<eventy::LinePosition>(
//       "inbox", eventy::LineSource("/var/spool/inbox", [](auto& poll, const eventy::LineSource::Line& line)
//       {
//         poll.emit(parse(line.text), customer_of(line.text));  // may throw: a dead letter
//       }));
//
// The file may grow, be rotated by rename or by copy and truncate (copytruncate), be replaced, and be absent
// for a while. README.md of this folder says what the source finds again, and what it cannot find. The
// service owns the source and copies it freely; the copies share the open file. One poll runs at a time, on
// the thread of the source.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "eventy/service.hpp"

namespace eventy {

// Where a LineSource continues: the state of the source.
struct LinePosition {
  std::uint64_t device = 0, inode = 0;  // the file's identity; inode 0: no file yet
  std::uint64_t offset = 0;             // bytes taken from this file
  std::uint64_t lines = 0;              // lines taken from this file
  std::uint64_t total = 0;              // lines taken from all files
  std::uint64_t fingerprint = 0;        // of the bytes before the offset
  bool in_long_line = false;            // the offset is within a too long line; its rest is skipped
  EVENTY_FIELDS(device, inode, offset, lines, total, fingerprint, in_long_line);
  friend bool operator==(const LinePosition&, const LinePosition&) = default;
};

struct LineSourceOptions {
  // The limit of a line, without its line ending. A longer line becomes a dead letter with its first
  // max_line_bytes. At least 1.
  std::size_t max_line_bytes = 64 * 1024;
  // The pause between two polls of a file that has not grown.
  Duration poll{100};
  // A renamed file counts as finished when it has not grown for this long: its writer may still have it open.
  Duration linger{5'000};
  // Measures `linger`. Null: the system's clock.
  std::shared_ptr<const Clock> clock = {};
};

class LineSource {
 public:
  struct Line {
    std::string_view text;     // UTF-8 without NUL, without "\n" or "\r\n" at the end; valid during the call
    std::uint64_t number = 0;  // in its file, from 1
    std::uint64_t total = 0;   // among all lines of this source, from 1
  };
  // Handles one line. If it throws, the line becomes a dead letter and the source continues; std::bad_alloc
  // and eventy::Failure end the poll, as in Poll::process.
  using Handler = std::function<void(Poll<LinePosition>& poll, const Line& line)>;

  // The file need not exist yet. Throws std::invalid_argument for an empty path, a max_line_bytes of 0 and an
  // empty `handler`.
  LineSource(std::filesystem::path file, Handler handler, LineSourceOptions options = {});

  // One poll. Throws Failure (permission_denied, io, invalid_argument), which names the file, if the file is
  // not readable or not a regular file. If the file does not exist, waits for it.
  void operator()(Poll<LinePosition>& poll) const;

 private:
  class Follower;
  std::shared_ptr<Follower> follower_;
};

}  // namespace eventy
