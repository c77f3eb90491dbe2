// The data folder around the database: its format version, the last acknowledged write, its lock's holder.
//   format  text: the format version of the whole folder
//   cycle   16 bytes: number of the last synced write, and its complement; written after the sync, not synced
//   db/     the database
// Owned by one Database; no thread of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "eventy/core/result.hpp"

namespace eventy::rocksdb::detail {

inline constexpr int format_version = 1;

// Creates the folder and its format file if needed, and checks both. If it fails, it leaves nothing behind.
Result<void> prepare_folder(const std::filesystem::path& folder);
// For readers: creates nothing.
Result<void> check_folder(const std::filesystem::path& folder);

std::filesystem::path database_folder(const std::filesystem::path& folder);

// 0: unknown (a new folder, or a power failure before the file reached the disk for the first time).
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

// The id of the process that holds the database's lock, or 0. Do not call it while this process may hold the
// lock: closing the file would release it.
int lock_holder(const std::filesystem::path& folder);

Error system_error(int number, const std::string& what);

}  // namespace eventy::rocksdb::detail
