// Splits a file into lines in bounded memory: it keeps only the beginning of a line that is too long. Used by
// one poll at a time; one thread.
#pragma once

#include <string>
#include <string_view>

#include "text_file.hpp"

namespace eventy::lines {

class LineReader {
 public:
  explicit LineReader(std::size_t max_line_bytes);

  struct Piece {
    enum class Kind : std::uint8_t {
      line,        // a complete line; `text` excludes the line ending
      beginning,   // the first max_line_bytes of a line over the limit
      incomplete,  // the file ends before the line does
    };
    Kind kind = Kind::incomplete;
    std::string_view text = {};  // valid until the next call
    std::uint64_t bytes = 0;     // the piece's size in the file
  };

  // Continues at this offset. Discards the buffer, because the file may have changed.
  void start(const TextFile& file, std::uint64_t offset);
  Piece next();
  // Skips about `most` bytes of a line, at least the buffered ones. True: it reached the line's end. Sets
  // `bytes` to the number of bytes skipped.
  bool pass_over(std::uint64_t most, std::uint64_t& bytes);

 private:
  bool fill();
  void drop(std::size_t bytes);

  std::size_t max_line_bytes_;
  const TextFile* file_ = nullptr;
  std::uint64_t offset_ = 0;  // of buffer_[begin_] in the file
  std::string buffer_;
  std::size_t begin_ = 0, end_ = 0;
};

}  // namespace eventy::lines
