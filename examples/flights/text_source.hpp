// The file under the rows: a plain CSV file, or a zip with one. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

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

/// A file that begins as a zip does, or is named .zip, must hold exactly one .csv. Throws FileError.
std::unique_ptr<TextSource> open_text(const std::filesystem::path& path);

}  // namespace flights
