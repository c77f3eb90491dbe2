#include "local_state_folder.hpp"

#include <fcntl.h>
#include <rocksdb/db.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "folder.hpp"

namespace eventy::rocksdb::detail {
namespace {

namespace fs = std::filesystem;

bool is_number(const std::string& name) {
  return !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
}

std::string holder(int lock) {
  std::array<char, 32> text{};
  const ssize_t size = ::pread(lock, text.data(), text.size() - 1, 0);
  const std::string id(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  if (id.empty()) return "another process";
  return (id == std::to_string(::getpid()) ? "this process, " : "process ") + id;
}

Result<void> make(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return system_error(error.value(), "cannot create the folder " + path.string());
  if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0)
    return system_error(errno, "cannot write to the folder " + path.string());
  if (fs::exists(database_folder(path) / "CURRENT", error))
    return Error{ErrorCode::invalid_argument,
                 "the folder " + path.string() + " holds the data of an embedded store: use another folder"};
  return {};
}

}  // namespace

Result<std::unique_ptr<CopiesFolder>> CopiesFolder::take(const fs::path& path) {
  if (auto made = make(path); !made) return made.error();
  const fs::path file = path / ".lock";
  const int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) return system_error(errno, "cannot write " + file.string());
  std::unique_ptr<CopiesFolder> folder(new CopiesFolder(path, lock));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_error(errno, "cannot lock " + file.string());
    return Error{ErrorCode::busy, "the local copies of states in " + path.string() + " are in use by " +
                                      holder(lock) + ": stop it, or use another folder"};
  }
  const std::string id = std::to_string(::getpid());
  // Only the error message of another process needs the id, so a failure does not matter.
  if (::ftruncate(lock, 0) == 0) (void)!::pwrite(lock, id.data(), id.size(), 0);
  return folder;
}

CopiesFolder::~CopiesFolder() { ::close(lock_); }

Result<std::size_t> CopiesFolder::remove_earlier_copies() const {
  std::error_code failed;
  std::vector<fs::path> copies;
  for (fs::directory_iterator service(path_, failed), end; !failed && service != end;
       service.increment(failed)) {
    std::error_code none;  // set if `service` is a file
    for (fs::directory_iterator copy(service->path(), none); !none && copy != end; copy.increment(none))
      if (is_number(copy->path().filename().string()) && fs::exists(copy->path() / "CURRENT", none))
        copies.push_back(copy->path());
  }
  if (failed) return system_error(failed.value(), "cannot read the folder " + path_.string());
  for (const auto& copy : copies) {
    if (const auto status = ::rocksdb::DestroyDB(copy.string(), {}); !status.ok())
      return Error{ErrorCode::io, "cannot remove the copy " + copy.string() + ": " + status.ToString()};
    fs::remove(copy / "damaged", failed);
    fs::remove(copy, failed);  // only if it is empty
    fs::remove(copy.parent_path(), failed);
  }
  return copies.size();
}

}  // namespace eventy::rocksdb::detail
