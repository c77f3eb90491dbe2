#include "text_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "csv.hpp"

namespace flights {
namespace {

constexpr std::size_t skipped_bytes = 256 * 1024;  // at a time

std::string system_text(int error) { return std::generic_category().message(error); }

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
    std::string skipped(skipped_bytes, '\0');
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

}  // namespace

std::unique_ptr<TextSource> open_text(const std::filesystem::path& path) {
  auto plain = std::make_unique<PlainText>(path);
  std::array<char, 4> start{};
  const std::size_t n = plain->size() == 0 ? 0 : plain->read(start.data(), start.size());
  plain->seek(0);
  if (std::string_view(start.data(), n) == "PK\x03\x04" || path.extension() == ".zip")
    return std::make_unique<ZippedText>(path);
  return plain;
}

}  // namespace flights
