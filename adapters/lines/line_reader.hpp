// Cuts a file into lines, within bounded memory: of a line that is too long only its beginning is held. Owned
// by one poll; one thread.
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
      line,        // complete; `text` is without its end
      beginning,   // of a line over the limit: `text` is max_line_bytes of it
      incomplete,  // the file ends before the line does
    };
    Kind kind = Kind::incomplete;
    std::string_view text = {};  // valid until the next call
    std::uint64_t bytes = 0;     // of the file, that this piece takes
  };

  // Reads on at this offset; forgets what it holds, for the file may have changed.
  void start(const TextFile& file, std::uint64_t offset);
  Piece next();
  // Passes over up to `most` bytes of a line, at least to the end of what it holds. True: the line's end was
  // among them. `bytes`: how many they were.
  bool pass_over(std::uint64_t most, std::uint64_t& bytes);

 private:
  bool fill();
  void drop(std::size_t bytes);

  std::size_t max_line_bytes_;
  const TextFile* file_ = nullptr;
  std::uint64_t offset_ = 0;  // in the file, of buffer_[begin_]
  std::string buffer_;
  std::size_t begin_ = 0, end_ = 0;
};

}  // namespace eventy::lines
