#include "log_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "eventy/core/result.hpp"
#include "standard_streams.hpp"

namespace eventy {

namespace {

// Does not wait for the reader of a pipe.
int open_to_append(const std::string& path, int more = 0) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | more, 0640);
}

}  // namespace

LogFile::LogFile(std::string path, std::size_t max_bytes, std::size_t max_files)
    : path_(std::move(path)), max_bytes_(max_bytes), max_files_(max_files) {
  std::error_code ignored;  // open() says what is wrong
  if (const auto folder = std::filesystem::path(path_).parent_path(); !folder.empty())
    std::filesystem::create_directories(folder, ignored);
  struct stat found = {};
  file_ = open_to_append(path_);
  if (file_ < 0 || ::fstat(file_, &found) != 0)
    throw Failure({ErrorCode::configuration, fmt::format("[log] to: the file \"{}\" cannot be opened: {}",
                                                         path_, std::strerror(errno))});
  is_regular_ = S_ISREG(found.st_mode);
  size_ = is_regular_ ? static_cast<std::size_t>(found.st_size) : 0;
}

LogFile::~LogFile() {
  if (file_ >= 0) ::close(file_);
}

void LogFile::sink_it_(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t line;
  if (lost_ > 0) {
    const std::string text = fmt::format("{} lines of this log are lost: they could not be written", lost_);
    formatter_->format({message.time, {}, message.logger_name, spdlog::level::warn, text}, line);
  }
  formatter_->format(message, line);
  append(line);
}

void LogFile::append(const spdlog::memory_buf_t& line) {
  if (is_regular_ && size_ > 0 && size_ + line.size() > max_bytes_) rotate();
  const int error = write_whole(line);
  if (error == 0) {
    size_ += line.size();
    lost_ = 0;
  } else if (++lost_ == 1) {
    say_on_standard_error(fmt::format("the log \"{}\" cannot be written: {}; lines are lost until it can",
                                      path_, std::strerror(error)));
  }
}

int LogFile::write_whole(const spdlog::memory_buf_t& line) {
  for (std::size_t at = 0; at < line.size();) {
    const auto count = ::write(file_, line.data() + at, line.size() - at);
    if (count > 0) {
      at += static_cast<std::size_t>(count);
    } else if (count == 0 || errno != EINTR) {
      const int error = count == 0 ? EIO : errno;
      if (is_regular_ && at > 0) (void)!::ftruncate(file_, static_cast<off_t>(size_));
      return error;
    }
  }
  return 0;
}

// If the file cannot be renamed, its lines are given up: the limit holds.
void LogFile::rotate() {
  if (max_files_ == 0) return empty();
  if (move_on()) {
    cannot_move_ = false;
    return;
  }
  if (!cannot_move_)
    say_on_standard_error(
        fmt::format("the log \"{}\" cannot be rotated and is emptied: {}", path_, std::strerror(errno)));
  cannot_move_ = true;
  empty();
}

// Opens the new file before anything is renamed, so that there is always one to write to.
bool LogFile::move_on() {
  const std::string next = path_ + ".new";
  const int file = open_to_append(next, O_TRUNC);
  if (file < 0) return false;
  for (std::size_t i = max_files_; i > 1; --i) (void)std::rename(rotated(i - 1).c_str(), rotated(i).c_str());
  const bool is_kept = std::rename(path_.c_str(), rotated(1).c_str()) == 0 || errno == ENOENT;
  if (!is_kept || std::rename(next.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    ::close(file);
    ::unlink(next.c_str());
    errno = error;
    return false;
  }
  ::close(file_);
  file_ = file;
  size_ = 0;
  return true;
}

void LogFile::empty() {
  if (::ftruncate(file_, 0) == 0) size_ = 0;
}

}  // namespace eventy
