#include "csv.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

namespace flights {

/// The bytes of a CSV text, in order. Errors are FileErrors without the file's name.
class TextSource {
 public:
  virtual ~TextSource() = default;
  [[nodiscard]] virtual std::uint64_t size() const noexcept = 0;
  /// At most `room` bytes; 0 only at the verified end.
  virtual std::size_t read(char* to, std::size_t room) = 0;
  virtual void seek(std::uint64_t offset) = 0;
};

namespace {

constexpr std::size_t buffer_bytes = 256 * 1024;
static_assert(buffer_bytes > RowReader::max_line_bytes);

constexpr std::size_t max_columns = 64;
constexpr std::size_t max_code_bytes = 16;
constexpr std::size_t max_quoted_bytes = 40;  // of a field's text in an error

constexpr std::array<std::string_view, column_count> column_names = {
    "year", "month", "day", "dep_time", "arr_delay", "carrier", "flight", "tailnum", "origin", "dest"};

std::string system_text(int error) { return std::generic_category().message(error); }

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

// ---- the two kinds of file

class PlainText final : public TextSource {
 public:
  explicit PlainText(const std::filesystem::path& path) : file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (file_ < 0) throw FileError(system_text(errno));
    struct stat status {};
    const int error = ::fstat(file_, &status) != 0 ? errno : S_ISDIR(status.st_mode) ? EISDIR : 0;
    if (error != 0 || !S_ISREG(status.st_mode)) {
      ::close(file_);
      throw FileError(error != 0 ? system_text(error) : "not a regular file");
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
  ~PlainText() override { ::close(file_); }
  PlainText(const PlainText&) = delete;
  PlainText& operator=(const PlainText&) = delete;

  [[nodiscard]] std::uint64_t size() const noexcept override { return size_; }

  std::size_t read(char* to, std::size_t room) override {
    ssize_t n = 0;
    do n = ::pread(file_, to, room, static_cast<off_t>(offset_));
    while (n < 0 && errno == EINTR);
    if (n < 0) throw FileError(system_text(errno));
    if (n == 0 && offset_ < size_) throw FileError("became shorter while it was read");
    offset_ += static_cast<std::uint64_t>(n);
    return static_cast<std::size_t>(n);
  }

  void seek(std::uint64_t offset) override { offset_ = offset; }

 private:
  int file_;
  std::uint64_t size_ = 0;
  std::uint64_t offset_ = 0;
};

class ZippedText final : public TextSource {
 public:
  explicit ZippedText(const std::filesystem::path& path)
      : archive_(open(path)), index_(find_csv(archive_.get())) {
    zip_stat_t status;
    if (zip_stat_index(archive_.get(), index_, 0, &status) != 0 || (status.valid & ZIP_STAT_SIZE) == 0)
      throw FileError("damaged zip: the size of its .csv is unknown");
    size_ = status.size;
    rewind();
  }

  [[nodiscard]] std::uint64_t size() const noexcept override { return size_; }

  // libzip compares length and checksum when it is asked for bytes at the end, and fails then.
  std::size_t read(char* to, std::size_t room) override {
    const zip_int64_t n = zip_fread(entry_.get(), to, room);
    if (n < 0) throw FileError(std::string("damaged zip: ") + zip_file_strerror(entry_.get()));
    return static_cast<std::size_t>(n);
  }

  void seek(std::uint64_t offset) override {
    rewind();
    std::string skipped(buffer_bytes, '\0');
    while (offset > 0) {
      const std::size_t n = read(skipped.data(), std::min<std::uint64_t>(offset, skipped.size()));
      if (n == 0) throw FileError("ends before the place to go on at");
      offset -= n;
    }
  }

 private:
  struct Close {
    void operator()(zip_t* archive) const { zip_discard(archive); }
    void operator()(zip_file_t* entry) const { zip_fclose(entry); }
  };
  using Archive = std::unique_ptr<zip_t, Close>;

  static Archive open(const std::filesystem::path& path) {
    int code = 0;
    Archive archive(zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
    if (archive) return archive;
    const int system_error = errno;
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const bool from_system = zip_error_system_type(&error) == ZIP_ET_SYS || code == ZIP_ER_NOENT;
    const std::string text =
        from_system ? system_text(system_error) : "damaged zip: " + std::string(zip_error_strerror(&error));
    zip_error_fini(&error);
    throw FileError(text);
  }

  static zip_uint64_t find_csv(zip_t* archive) {
    std::optional<zip_uint64_t> found;
    const zip_int64_t entries = zip_get_num_entries(archive, 0);
    for (zip_int64_t i = 0; i < entries; ++i) {
      const auto index = static_cast<zip_uint64_t>(i);
      const char* name = zip_get_name(archive, index, 0);
      if (name == nullptr || !std::string_view(name).ends_with(".csv")) continue;
      if (found) throw FileError("the zip holds more than one .csv");
      found = index;
    }
    if (!found) throw FileError("the zip holds no .csv");
    return *found;
  }

  void rewind() {
    entry_.reset(zip_fopen_index(archive_.get(), index_, 0));
    if (!entry_) throw FileError(std::string("damaged zip: ") + zip_strerror(archive_.get()));
  }

  Archive archive_;
  zip_uint64_t index_;
  std::uint64_t size_ = 0;
  std::unique_ptr<zip_file_t, Close> entry_;
};

std::unique_ptr<TextSource> open_text(const std::filesystem::path& path) {
  auto plain = std::make_unique<PlainText>(path);
  std::array<char, 4> start{};
  const std::size_t n = plain->size() == 0 ? 0 : plain->read(start.data(), start.size());
  plain->seek(0);
  if (std::string_view(start.data(), n) == "PK\x03\x04" || path.extension() == ".zip")
    return std::make_unique<ZippedText>(path);
  return plain;
}

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
