// The folder of the copies of states, and who holds it:
//   .lock     held as long as the folder is in use; the holder's process id
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
  // Makes it if needed and takes the lock, which ends with the object (or the process, however that ends).
  static Result<std::unique_ptr<CopiesFolder>> take(const std::filesystem::path& path);
  ~CopiesFolder();
  CopiesFolder(const CopiesFolder&) = delete;
  CopiesFolder& operator=(const CopiesFolder&) = delete;

  std::filesystem::path database() const { return path_ / "states"; }
  // The copies of earlier versions, a database each in SERVICE/PARTITION/: how many there were. What is not
  // RocksDB's stays, for it is a folder that somebody else may have named.
  Result<std::size_t> remove_earlier_copies() const;

 private:
  CopiesFolder(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::filesystem::path path_;
  int lock_;
};

}  // namespace eventy::rocksdb::detail
