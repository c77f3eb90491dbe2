// A regular file that is open for reading, and what tells it from others. One thread.
#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace eventy::lines {

struct FileId {
  std::uint64_t device = 0, inode = 0;
  friend auto operator<=>(const FileId&, const FileId&) = default;
};

// What the operating system says of a file at this moment.
struct FileFacts {
  FileId id = {};
  std::uint64_t size = 0;
  std::int64_t written_ns = 0;  // its last change, in nanoseconds of the system's clock
  bool is_deleted = false;      // no name leads to it
  friend bool operator==(const FileFacts&, const FileFacts&) = default;
};

// nullopt: there is no such file. Throws Failure.
std::optional<FileFacts> facts_of(const std::filesystem::path& path);

class TextFile {
 public:
  // nullopt: there is no such file. Throws Failure, also for what is no regular file.
  static std::optional<TextFile> open(const std::filesystem::path& path);
  TextFile(TextFile&& other) noexcept;
  TextFile& operator=(TextFile&& other) noexcept;
  ~TextFile();

  FileId id() const { return id_; }
  FileFacts facts() const;  // throws Failure

  // Of up to 1 KiB at its beginning and up to 1 KiB before the offset; 0 at offset 0. Throws Failure.
  std::uint64_t fingerprint(std::uint64_t offset) const;
  // Whether its bytes before the offset are those that had the fingerprint there.
  bool continues(std::uint64_t offset, std::uint64_t fingerprint) const;

  // Reads up to `room` bytes, fewer only where the file ends. Throws Failure.
  std::size_t read(std::uint64_t offset, char* to, std::size_t room) const;

 private:
  TextFile(int descriptor, std::filesystem::path path) : descriptor_(descriptor), path_(std::move(path)) {}

  int descriptor_;
  std::filesystem::path path_;  // as it was opened, for errors
  FileId id_ = {};
};

}  // namespace eventy::lines
