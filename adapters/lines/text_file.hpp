// A regular file that is open for reading, and its identity and fingerprints. One thread.
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

// What the operating system currently says about a file.
struct FileFacts {
  FileId id = {};
  std::uint64_t size = 0;
  std::int64_t written_ns = 0;  // time of its last change, in nanoseconds since 1970
  bool is_deleted = false;      // no name leads to it
  friend bool operator==(const FileFacts&, const FileFacts&) = default;
};

// nullopt: there is no such file. Throws Failure.
std::optional<FileFacts> facts_of(const std::filesystem::path& path);

class TextFile {
 public:
  // nullopt: there is no such file. Throws Failure, also if the file is not a regular one.
  static std::optional<TextFile> open(const std::filesystem::path& path);
  TextFile(TextFile&& other) noexcept;
  TextFile& operator=(TextFile&& other) noexcept;
  ~TextFile();

  FileId id() const { return id_; }
  FileFacts facts() const;  // throws Failure

  // A hash of up to 1 KiB at the beginning and up to 1 KiB before the offset; 0 at offset 0. Throws Failure.
  std::uint64_t fingerprint(std::uint64_t offset) const;
  // Whether the file still has this fingerprint at this offset.
  bool continues(std::uint64_t offset, std::uint64_t fingerprint) const;

  // Reads up to `room` bytes; fewer only at the end of the file. Throws Failure.
  std::size_t read(std::uint64_t offset, char* to, std::size_t room) const;

 private:
  TextFile(int descriptor, std::filesystem::path path) : descriptor_(descriptor), path_(std::move(path)) {}

  int descriptor_;
  std::filesystem::path path_;  // the path it was opened with, for error messages
  FileId id_ = {};
};

}  // namespace eventy::lines
