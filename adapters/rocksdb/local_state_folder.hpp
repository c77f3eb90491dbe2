// The folder of the copies of states, and who holds it:
//   .lock                held as long as the folder is in use; the holder's process id
//   SERVICE/PARTITION/   a database; the name of a service's folder has no dot first
// No thread of its own.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "eventy/core/result.hpp"
#include "eventy/core/types.hpp"

namespace eventy::rocksdb::detail {

// A name as a folder: letters, digits, '-', '_' and '.' inside stay, other bytes become %XX; a long one is
// cut and gets its checksum. Different names have different folders.
std::string folder_name(const std::string& name);

class CopiesFolder {
 public:
  // Makes it if needed and takes the lock, which ends with the object (or the process, however that ends).
  static Result<std::unique_ptr<CopiesFolder>> take(const std::filesystem::path& path);
  ~CopiesFolder();
  CopiesFolder(const CopiesFolder&) = delete;
  CopiesFolder& operator=(const CopiesFolder&) = delete;

  std::filesystem::path copy_of(const std::string& service, PartitionId partition) const;

 private:
  CopiesFolder(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::filesystem::path path_;
  int lock_;
};

}  // namespace eventy::rocksdb::detail
