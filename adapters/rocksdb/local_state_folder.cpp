#include "local_state_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "eventy/store/crc32c.hpp"
#include "folder.hpp"

namespace eventy::rocksdb::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_name = 200;  // of the 255 bytes that file systems take

std::string hex(std::uint32_t number, int digits) {
  char text[9];
  std::snprintf(text, sizeof text, "%0*X", digits, number);
  return text;
}

bool stays(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         (c == '.' && !first);
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
                 "the folder " + path.string() + " holds the data of an embedded store: use another one"};
  return {};
}

}  // namespace

std::string folder_name(const std::string& name) {
  std::string out;
  for (const char c : name) {
    if (stays(c, out.empty())) {
      out += c;
    } else {
      out += '%' + hex(static_cast<unsigned char>(c), 2);
    }
  }
  if (out.size() > longest_name) out = out.substr(0, longest_name) + "%" + hex(crc32c(name), 8);
  return out.empty() ? "%" : out;
}

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
  // Only who reads the name of the holder needs it.
  if (::ftruncate(lock, 0) == 0) (void)!::pwrite(lock, id.data(), id.size(), 0);
  return folder;
}

CopiesFolder::~CopiesFolder() { ::close(lock_); }

fs::path CopiesFolder::copy_of(const std::string& service, PartitionId partition) const {
  return path_ / folder_name(service) / std::to_string(partition.value);
}

}  // namespace eventy::rocksdb::detail
