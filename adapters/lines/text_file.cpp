#include "text_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "eventy/core/ids.hpp"
#include "eventy/core/one_line.hpp"
#include "eventy/core/result.hpp"

namespace eventy::lines {

namespace {

constexpr std::size_t window = 1024;  // a fingerprint covers so many bytes at each end
constexpr std::size_t longest_name = 300;

[[noreturn]] void fail(const std::filesystem::path& path, const char* what, int error) {
  const ErrorCode code = error == EACCES || error == EPERM ? ErrorCode::permission_denied : ErrorCode::io;
  throw Failure({code, "file \"" + one_line(path.native(), longest_name) + "\": " + what + ": " +
                           std::generic_category().message(error)});
}

FileFacts facts_in(const struct ::stat& s) {
  return {.id = {s.st_dev, s.st_ino},
          .size = static_cast<std::uint64_t>(s.st_size),
          .written_ns = std::int64_t{s.st_mtim.tv_sec} * 1'000'000'000 + s.st_mtim.tv_nsec,
          .is_deleted = s.st_nlink == 0};
}

bool is_absence(int error) { return error == ENOENT || error == ENOTDIR; }

}  // namespace

std::optional<FileFacts> facts_of(const std::filesystem::path& path) {
  struct ::stat s = {};
  if (::stat(path.c_str(), &s) == 0) return facts_in(s);
  if (is_absence(errno)) return std::nullopt;
  fail(path, "cannot be examined", errno);
}

std::optional<TextFile> TextFile::open(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a FIFO must not block
  if (descriptor < 0 && is_absence(errno)) return std::nullopt;
  if (descriptor < 0) fail(path, "cannot be opened", errno);
  TextFile file(descriptor, path);
  struct ::stat s = {};
  if (::fstat(descriptor, &s) != 0) fail(path, "cannot be examined", errno);
  if (!S_ISREG(s.st_mode))
    throw Failure(
        {ErrorCode::invalid_argument, "file \"" + one_line(path.native(), longest_name) +
                                          "\" is not a regular file, so its lines cannot be followed"});
  file.id_ = facts_in(s).id;
  return file;
}

TextFile::TextFile(TextFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)), id_(other.id_) {}

TextFile& TextFile::operator=(TextFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  std::swap(id_, other.id_);
  return *this;
}

TextFile::~TextFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileFacts TextFile::facts() const {
  struct ::stat s = {};
  if (::fstat(descriptor_, &s) != 0) fail(path_, "cannot be examined", errno);
  return facts_in(s);
}

std::uint64_t TextFile::fingerprint(std::uint64_t offset) const {
  if (offset == 0) return 0;
  std::array<char, 2 * window> bytes;
  const auto each = static_cast<std::size_t>(std::min<std::uint64_t>(offset, window));
  const std::size_t head = read(0, bytes.data(), each);
  const std::size_t tail = read(offset - each, bytes.data() + head, each);
  return hash64({bytes.data(), head + tail}, offset);
}

bool TextFile::continues(std::uint64_t offset, std::uint64_t fingerprint) const {
  return facts().size >= offset && this->fingerprint(offset) == fingerprint;
}

std::size_t TextFile::read(std::uint64_t offset, char* to, std::size_t room) const {
  std::size_t done = 0;
  while (done < room) {
    const auto n = ::pread(descriptor_, to + done, room - done, static_cast<::off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path_, "cannot be read", errno);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

}  // namespace eventy::lines
