// The data folder around the database: its format version, the acknowledged cycle, who holds it.
//   format  text, the version of the whole folder
//   cycle   16 bytes: number of the last synced write, and its complement; written after the sync, not synced
//   db/     the database
// Belongs to one Database; no thread of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "eventy/core/result.hpp"

namespace eventy::rocksdb::detail {

inline constexpr int format_version = 1;

// Creates the folder and its format file if needed, and checks both. Leaves nothing behind where it fails.
Result<void> prepare_folder(const std::filesystem::path& folder);
// For readers: nothing is created.
Result<void> check_folder(const std::filesystem::path& folder);

std::filesystem::path database_folder(const std::filesystem::path& folder);

// 0: nothing is known (a new folder, or a power failure before the file ever reached the disk).
Result<std::uint64_t> read_acknowledged(const std::filesystem::path& folder);

class AcknowledgedFile {
 public:
  AcknowledgedFile() = default;
  AcknowledgedFile(const AcknowledgedFile&) = delete;
  AcknowledgedFile& operator=(const AcknowledgedFile&) = delete;
  ~AcknowledgedFile();
  Result<void> open(const std::filesystem::path& folder);
  Result<void> write(std::uint64_t number);

 private:
  int file_ = -1;
  std::filesystem::path path_ = {};
};

// The process that holds the database's lock: its id, or 0. Never ask while this process may hold it: closing
// the file would give the lock up.
int lock_holder(const std::filesystem::path& folder);

Error system_error(int number, const std::string& what);

}  // namespace eventy::rocksdb::detail
