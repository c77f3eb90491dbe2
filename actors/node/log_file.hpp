// A file of a log, rotated by size: PATH, and older lines in PATH.1 to PATH.N. One process and one node write
// to it. Any thread may log.
//
// Every line is written at once and whole, so the end of the process loses none. Errors reach no caller: a
// line that cannot be written, as on a full disk, is lost as a whole. The first one is reported on standard
// error. The next line that can be written is preceded by one that says how many were lost.
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <cstdint>
#include <mutex>
#include <string>

namespace eventy {

class LogFile final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // Creates the file and its folders. Throws Failure (configuration) if that fails. A pipe or a device is
  // never rotated; a pipe that is full loses lines and holds up no one.
  LogFile(std::string path, std::size_t max_bytes, std::size_t max_files);
  ~LogFile() override;

 private:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}
  void append(const spdlog::memory_buf_t& line);
  // 0, or errno; then nothing of the line is in the file.
  int write_whole(const spdlog::memory_buf_t& line);
  void rotate();
  // Renames the files and opens a new one. False: the file is the same, and errno says why.
  bool move_on();
  void empty();
  std::string rotated(std::size_t n) const { return path_ + "." + std::to_string(n); }

  std::string path_;
  std::size_t max_bytes_, max_files_;
  int file_ = -1;
  bool is_regular_ = false;
  std::size_t size_ = 0;
  std::uint64_t lost_ = 0;  // lines since the last one that was written
  bool cannot_move_ = false;
};

}  // namespace eventy
