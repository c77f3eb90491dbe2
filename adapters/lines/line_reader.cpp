#include "line_reader.hpp"

#include <algorithm>
#include <cstring>

namespace eventy::lines {

namespace {
constexpr std::size_t chunk = 64 * 1024;  // bytes per read
constexpr std::size_t end_of_line = 2;    // bytes of "\r\n"
}  // namespace

LineReader::LineReader(std::size_t max_line_bytes)
    : max_line_bytes_(max_line_bytes), buffer_(max_line_bytes + end_of_line + chunk, '\0') {}

void LineReader::start(const TextFile& file, std::uint64_t offset) {
  file_ = &file;
  offset_ = offset;
  begin_ = end_ = 0;
}

LineReader::Piece LineReader::next() {
  std::size_t looked_at = 0;
  for (;;) {
    const char* const from = buffer_.data() + begin_;
    const std::size_t held = end_ - begin_;
    const void* const found = std::memchr(from + looked_at, '\n', held - looked_at);
    const std::size_t length =
        found ? static_cast<std::size_t>(static_cast<const char*>(found) - from) : held;
    std::string_view text(from, length);
    if (text.ends_with('\r') && (found || length == max_line_bytes_ + 1)) text.remove_suffix(1);
    if (text.size() > max_line_bytes_) {
      drop(max_line_bytes_);
      return {Piece::Kind::beginning, text.substr(0, max_line_bytes_), max_line_bytes_};
    }
    if (found) {
      drop(length + 1);
      return {Piece::Kind::line, text, length + 1};
    }
    looked_at = held;
    if (!fill()) return {Piece::Kind::incomplete, {buffer_.data() + begin_, held}, held};
  }
}

bool LineReader::pass_over(std::uint64_t most, std::uint64_t& bytes) {
  bytes = 0;
  for (;;) {
    const char* const from = buffer_.data() + begin_;
    const std::size_t held = end_ - begin_;
    if (const void* const found = std::memchr(from, '\n', held)) {
      const auto length = static_cast<std::size_t>(static_cast<const char*>(found) - from) + 1;
      drop(length);
      bytes += length;
      return true;
    }
    drop(held);
    bytes += held;
    if (bytes >= most || !fill()) return false;
  }
}

// Moves the buffered bytes to the buffer's start and reads more after them. False at the end of the file.
bool LineReader::fill() {
  if (begin_ > 0) std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  const std::size_t room = std::min(chunk, buffer_.size() - end_);
  const std::size_t n = file_->read(offset_ + end_, buffer_.data() + end_, room);
  end_ += n;
  return n > 0;
}

void LineReader::drop(std::size_t bytes) {
  begin_ += bytes;
  offset_ += bytes;
}

}  // namespace eventy::lines
