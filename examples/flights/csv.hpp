// The input of the flights example: rows of a CSV file, plain or inside a zip.
//
// A RowReader belongs to one thread. It streams, so its memory does not depend on the file's size, and
// it never hands out a shorter file silently: a zip that is cut off or fails its checksum ends in a
// FileError. A zip's checksum is known only at its end; count_rows() reads a file once to its end, and
// so finds such damage before the first row is used.
//
// A row is one line. Fields may stand in double quotes, with commas and doubled quotes inside, but not
// with line breaks: a quote that is never closed spoils its own line and not the rest of the file.
// Empty lines are skipped, yet counted in the line numbers. The header is line 1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace flights {

/// The file cannot be read on: missing, not permitted, damaged, or not a file of flights. The text
/// names the file and the reason.
class FileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One row cannot be understood; the rows after it can. The text names the line and the column.
class RowError : public std::runtime_error {
 public:
  RowError(std::uint64_t line, const std::string& reason)
      : std::runtime_error("line " + std::to_string(line) + ": " + reason), line_(line) {}

  [[nodiscard]] std::uint64_t line() const noexcept { return line_; }

 private:
  std::uint64_t line_;
};

/// The columns that a flight is made of; a file may have more, in any order.
enum class Column : std::uint8_t {
  year,
  month,
  day,
  dep_time,   ///< local, as hours * 100 + minutes; missing: the flight was cancelled
  arr_delay,  ///< minutes, negative when early; missing: the flight did not arrive as planned
  carrier,
  flight,
  tailnum,  ///< the aircraft; may be missing
  origin,
  dest,
};

inline constexpr std::size_t column_count = 10;

/// Where the columns stand in a file, by the names in its header.
class Columns {
 public:
  /// Throws std::invalid_argument that names the columns that are missing or there twice.
  explicit Columns(std::string_view header);

  [[nodiscard]] std::size_t index(Column column) const noexcept {
    return at_[static_cast<std::size_t>(column)];
  }

  /// The number of fields that each row must have.
  [[nodiscard]] std::size_t width() const noexcept { return width_; }

 private:
  std::array<std::size_t, column_count> at_{};
  std::size_t width_ = 0;
};

/// One line of the file without its line break. The text is valid until the reader is used again.
struct Line {
  std::string_view text;
  std::uint64_t number = 0;
  bool is_cut = false;  ///< it is longer than RowReader::max_line_bytes, and so many bytes of it are here
};

/// A flight. "NA" and an empty field count as missing.
struct Row {
  std::uint64_t line = 0;
  int year = 0;
  int month = 0;
  int day = 0;
  std::optional<int> dep_time;
  std::optional<int> arr_delay;
  std::string carrier;
  int flight = 0;
  std::optional<std::string> tailnum;
  std::string origin;
  std::string dest;

  /// What follows the aircraft: its tail number, or "CARRIER FLIGHT" (such as "UA 1545") without one.
  [[nodiscard]] std::string key() const;

  /// The flight's date, as 2013-07-08.
  [[nodiscard]] std::string date() const;
};

/// Throws RowError for a line that is cut, a wrong number of fields, a field that is missing or not a whole
/// number in its range, and a code that is not 1 to 16 printable ASCII characters.
Row parse_row(const Line& line, const Columns& columns);

/// Where to go on: the lines read so far, and their bytes in the CSV text (in a zip: once unpacked, so
/// the same file has the same positions packed and plain).
struct Position {
  std::uint64_t lines = 0;
  std::uint64_t offset = 0;

  friend bool operator==(const Position&, const Position&) = default;
};

class TextSource;

class RowReader {
 public:
  /// A longer line is cut to this; as a header it is refused.
  static constexpr std::size_t max_line_bytes = 64 * 1024;

  /// Opens the file and reads its header. A file that begins as a zip does, or is named .zip, must hold
  /// exactly one .csv. Throws FileError.
  explicit RowReader(std::filesystem::path path);
  ~RowReader();
  RowReader(RowReader&&) noexcept;
  RowReader& operator=(RowReader&&) noexcept;

  [[nodiscard]] const Columns& columns() const noexcept { return *columns_; }

  /// The bytes of the CSV text, for progress: position().offset ends there.
  [[nodiscard]] std::uint64_t size() const noexcept;

  /// The next line that is not empty, or nothing at the end. Throws FileError.
  std::optional<Line> next();

  /// After the last line that next() gave; in a new reader, after the header.
  [[nodiscard]] Position position() const noexcept { return position_; }

  /// Goes on at a position that a reader of the same file reported. A plain file is not read up to
  /// there; a zip is unpacked up to there, without looking at its rows. Throws FileError when no line
  /// begins at the position: then it is another file.
  void seek(Position position);

 private:
  std::optional<std::string_view> read_line();
  std::string_view cut_line();
  bool fill();
  [[noreturn]] void fail(const std::string& reason) const;

  std::filesystem::path path_;
  std::unique_ptr<TextSource> source_;
  std::string buffer_;
  std::size_t begin_ = 0;  // what is not handed out yet: [begin_, end_) of buffer_
  std::size_t end_ = 0;
  std::string cut_;  // the beginning of a line that is too long
  bool line_is_cut_ = false;
  Position position_;
  Position first_;  // of the first row
  std::optional<Columns> columns_;
};

/// Reads the file to its end and returns how many rows it has. Throws FileError.
std::uint64_t count_rows(const std::filesystem::path& path);

}  // namespace flights
