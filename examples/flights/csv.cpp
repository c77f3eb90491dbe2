#include "csv.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <utility>

#include "text_source.hpp"

namespace flights {

namespace {

constexpr std::size_t buffer_bytes = 256 * 1024;
static_assert(buffer_bytes > RowReader::max_line_bytes);

constexpr std::size_t max_columns = 64;
constexpr std::size_t max_code_bytes = 16;
constexpr std::size_t max_quoted_bytes = 40;  // of a field's text in an error

constexpr std::array<std::string_view, column_count> column_names = {
    "year", "month", "day", "dep_time", "arr_delay", "carrier", "flight", "tailnum", "origin", "dest"};

// ---- fields of a line

/// A line's fields as views into the line, or into an own copy where quotes had to be taken off.
class Fields {
 public:
  /// Throws std::invalid_argument.
  explicit Fields(std::string_view line) {
    if (line.find('"') != std::string_view::npos) unquoted_.reserve(line.size());  // so that views stay valid
    bool more = true;
    while (more) {
      const std::string_view field = !line.empty() && line.front() == '"' ? quoted(line) : plain(line);
      more = !line.empty();
      if (more) line.remove_prefix(1);  // the comma
      add(field);
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  std::string_view operator[](std::size_t i) const noexcept { return at_[i]; }

 private:
  void add(std::string_view field) {
    if (size_ == max_columns)
      throw std::invalid_argument("more than " + std::to_string(max_columns) + " fields");
    at_[size_++] = field;
  }

  static std::string_view plain(std::string_view& line) {
    const std::string_view field = line.substr(0, line.find(','));
    line.remove_prefix(field.size());
    return field;
  }

  std::string_view quoted(std::string_view& line) {
    const std::size_t from = unquoted_.size();
    line.remove_prefix(1);
    for (;;) {
      const std::size_t quote = line.find('"');
      if (quote == std::string_view::npos) throw std::invalid_argument("a quoted field is not closed");
      unquoted_ += line.substr(0, quote);
      line.remove_prefix(quote + 1);
      if (line.empty() || line.front() != '"') break;
      unquoted_ += '"';
      line.remove_prefix(1);
    }
    if (!line.empty() && line.front() != ',') throw std::invalid_argument("text follows a quoted field");
    return std::string_view(unquoted_).substr(from);
  }

  std::array<std::string_view, max_columns> at_;
  std::size_t size_ = 0;
  std::string unquoted_;
};

bool is_missing(std::string_view field) { return field.empty() || field == "NA"; }

/// Printable, and short enough for a line of a log.
std::string shown(std::string_view field) {
  std::string text(field.substr(0, max_quoted_bytes));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return "'" + text + (field.size() > max_quoted_bytes ? "…'" : "'");
}

/// Reads the columns of one row; every error names the line and the column.
class RowFields {
 public:
  RowFields(const Fields& fields, const Columns& columns, std::uint64_t line)
      : fields_(fields), columns_(columns), line_(line) {}

  [[nodiscard]] int number(Column column, int least, int most) const {
    const std::string_view field = text(column);
    if (is_missing(field)) fail(column, "is missing");
    int value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error == std::errc::invalid_argument || end != field.data() + field.size())
      fail(column, "is not a whole number: " + shown(field));
    if (error != std::errc{} || value < least || value > most)
      fail(column,
           "is not from " + std::to_string(least) + " to " + std::to_string(most) + ": " + shown(field));
    return value;
  }

  [[nodiscard]] std::optional<int> number_if_any(Column column, int least, int most) const {
    if (is_missing(text(column))) return std::nullopt;
    return number(column, least, most);
  }

  [[nodiscard]] std::string code(Column column) const {
    const std::string_view field = text(column);
    if (is_missing(field)) fail(column, "is missing");
    const bool printable =
        std::all_of(field.begin(), field.end(), [](char c) { return c > ' ' && c <= '~'; });
    if (!printable || field.size() > max_code_bytes)
      fail(column,
           "is not 1 to " + std::to_string(max_code_bytes) + " printable characters: " + shown(field));
    return std::string(field);
  }

  [[nodiscard]] std::optional<std::string> code_if_any(Column column) const {
    if (is_missing(text(column))) return std::nullopt;
    return code(column);
  }

 private:
  [[nodiscard]] std::string_view text(Column column) const { return fields_[columns_.index(column)]; }

  [[noreturn]] void fail(Column column, const std::string& reason) const {
    throw RowError(line_,
                   "column " + std::string(column_names[static_cast<std::size_t>(column)]) + " " + reason);
  }

  const Fields& fields_;
  const Columns& columns_;
  std::uint64_t line_;
};

}  // namespace

// ---- rows

Columns::Columns(std::string_view header) {
  const Fields names(header);
  width_ = names.size();
  std::string problems;
  for (std::size_t column = 0; column < column_count; ++column) {
    int found = 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] != column_names[column]) continue;
      at_[column] = i;
      ++found;
    }
    if (found == 1) continue;
    problems += (problems.empty() ? "" : ", ") + std::string(column_names[column]) +
                (found == 0 ? " is missing" : " is there twice");
  }
  if (!problems.empty()) throw std::invalid_argument("wrong columns in the header: " + problems);
}

std::string Row::key() const { return tailnum ? *tailnum : carrier + " " + std::to_string(flight); }

std::string Row::date() const {
  std::array<char, 48> text{};
  const int n = std::snprintf(text.data(), text.size(), "%04d-%02d-%02d", year, month, day);
  return {text.data(), static_cast<std::size_t>(n)};
}

Row parse_row(const Line& line, const Columns& columns) try {
  if (line.is_cut)
    throw RowError(line.number, "longer than " + std::to_string(RowReader::max_line_bytes) + " bytes");
  const Fields fields(line.text);
  if (fields.size() != columns.width())
    throw RowError(line.number, std::string(fields.size() < columns.width() ? "too short: " : "too long: ") +
                                    std::to_string(fields.size()) + " fields, the header names " +
                                    std::to_string(columns.width()));
  const RowFields row(fields, columns, line.number);
  constexpr int days_in_minutes = 100 * 24 * 60;
  return {.line = line.number,
          .year = row.number(Column::year, 1900, 2999),
          .month = row.number(Column::month, 1, 12),
          .day = row.number(Column::day, 1, 31),
          .dep_time = row.number_if_any(Column::dep_time, 0, 2400),
          .arr_delay = row.number_if_any(Column::arr_delay, -days_in_minutes, days_in_minutes),
          .carrier = row.code(Column::carrier),
          .flight = row.number(Column::flight, 0, 999'999),
          .tailnum = row.code_if_any(Column::tailnum),
          .origin = row.code(Column::origin),
          .dest = row.code(Column::dest)};
} catch (const std::invalid_argument& e) {
  throw RowError(line.number, e.what());
}

// ---- the reader

RowReader::RowReader(std::filesystem::path path) : path_(std::move(path)), buffer_(buffer_bytes, '\0') {
  try {
    source_ = open_text(path_);
  } catch (const FileError& e) {
    fail(e.what());
  }
  std::optional<std::string_view> header = read_line();
  if (!header) fail("is empty: there is no header");
  if (line_is_cut_) fail("the header is longer than " + std::to_string(max_line_bytes) + " bytes");
  if (header->starts_with("\xEF\xBB\xBF")) header->remove_prefix(3);  // a byte order mark
  try {
    columns_.emplace(*header);
  } catch (const std::invalid_argument& e) {
    fail(e.what());
  }
  first_ = position_;
}

RowReader::~RowReader() = default;
RowReader::RowReader(RowReader&&) noexcept = default;
RowReader& RowReader::operator=(RowReader&&) noexcept = default;

std::uint64_t RowReader::size() const noexcept { return source_->size(); }

std::optional<Line> RowReader::next() {
  while (const std::optional<std::string_view> line = read_line())
    if (!line->empty()) return Line{*line, position_.lines, line_is_cut_};
  return std::nullopt;
}

void RowReader::seek(Position position) {
  const bool possible =
      position.lines >= first_.lines && position.offset >= first_.offset && position.offset <= size();
  if (!possible)
    fail("is not the file that was begun: it has no byte " + std::to_string(position.offset) + " of a row");
  begin_ = end_ = 0;
  position_ = position;
  char before = '\0';
  try {
    source_->seek(position.offset - 1);
    if (source_->read(&before, 1) != 1) throw FileError("ends before the place to go on at");
  } catch (const FileError& e) {
    fail(e.what());
  }
  if (before != '\n' && position.offset != size())
    fail("is not the file that was begun: no line begins at byte " + std::to_string(position.offset));
}

/// The next line without its line break, also an empty one; nothing at the end.
std::optional<std::string_view> RowReader::read_line() {
  std::size_t looked_at = 0;
  line_is_cut_ = false;
  for (;;) {
    const char* const from = buffer_.data() + begin_;
    const std::size_t held = end_ - begin_;
    const void* const found = std::memchr(from + looked_at, '\n', held - looked_at);
    const std::size_t length =
        found ? static_cast<std::size_t>(static_cast<const char*>(found) - from) : held;
    if (length > max_line_bytes) return cut_line();
    looked_at = held;
    if (found == nullptr && fill()) continue;
    if (found == nullptr && held == 0) return std::nullopt;
    const std::size_t taken = length + (found != nullptr ? 1 : 0);
    std::string_view line(buffer_.data() + begin_, length);  // not `from`: fill() moves the bytes
    if (line.ends_with('\r')) line.remove_suffix(1);
    begin_ += taken;
    position_.offset += taken;
    ++position_.lines;
    return line;
  }
}

/// The beginning of the line that is begun; passes over the rest of it.
std::string_view RowReader::cut_line() {
  cut_.assign(buffer_, begin_, max_line_bytes);
  line_is_cut_ = true;
  for (bool ended = false; !ended;) {
    const std::size_t found = std::string_view(buffer_).substr(0, end_).find('\n', begin_);
    const std::size_t behind = found == std::string_view::npos ? end_ : found + 1;
    position_.offset += behind - begin_;
    begin_ = behind;
    ended = found != std::string_view::npos || !fill();
  }
  ++position_.lines;
  return cut_;
}

/// Moves what is left to the buffer's start and reads more behind it; false at the end.
bool RowReader::fill() {
  if (begin_ > 0) std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  try {
    const std::size_t n = source_->read(buffer_.data() + end_, buffer_.size() - end_);
    end_ += n;
    return n > 0;
  } catch (const FileError& e) {
    fail(e.what());
  }
}

void RowReader::fail(const std::string& reason) const {
  throw FileError("input file " + path_.string() + ": " + reason);
}

std::uint64_t count_rows(const std::filesystem::path& path) {
  RowReader reader(path);
  std::uint64_t rows = 0;
  while (reader.next()) ++rows;
  return rows;
}

}  // namespace flights
