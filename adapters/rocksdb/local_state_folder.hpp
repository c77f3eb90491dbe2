// The folder of the local copies of states, and its lock:
//   .lock     locked while the folder is in use; contains the holder's process id
//   states/   the database of all copies
// No thread of its own.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "eventy/core/result.hpp"

namespace eventy::rocksdb::detail {

class CopiesFolder {
 public:
  // Creates the folder if needed and locks it. The lock ends with the object or with the process, even by a
  // crash.
  static Result<std::unique_ptr<CopiesFolder>> take(const std::filesystem::path& path);
  ~CopiesFolder();
  CopiesFolder(const CopiesFolder&) = delete;
  CopiesFolder& operator=(const CopiesFolder&) = delete;

  std::filesystem::path database() const { return path_ / "states"; }
  // Removes the copies of earlier versions, a database each in SERVICE/PARTITION/, and returns their number.
  // Keeps all files that are not RocksDB's, because the user named the folder.
  Result<std::size_t> remove_earlier_copies() const;

 private:
  CopiesFolder(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::filesystem::path path_;
  int lock_;
};

}  // namespace eventy::rocksdb::detail
