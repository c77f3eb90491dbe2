#include "folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

namespace eventy::rocksdb::detail {
namespace {

namespace fs = std::filesystem;

constexpr char format_word[] = "eventy-rocksdb";

fs::path format_file(const fs::path& folder) { return folder / "format"; }
fs::path cycle_file(const fs::path& folder) { return folder / "cycle"; }

Error corrupt(const fs::path& file, const std::string& what) {
  return {ErrorCode::corrupt, file.string() + ": " + what};
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

Result<void> sync_folder(const fs::path& folder) {
  Descriptor file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.get() < 0 || ::fsync(file.get()) != 0)
    return system_error(errno, "cannot sync " + folder.string());
  return {};
}

// Writes a draft and renames it, so that the file is complete or absent.
Result<void> write_format(const fs::path& folder) {
  const std::string text = std::string(format_word) + " " + std::to_string(format_version) + "\n";
  const fs::path target = format_file(folder), draft = target.string() + ".new";
  {
    Descriptor file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (file.get() < 0) return system_error(errno, "cannot write " + draft.string());
    if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::fsync(file.get()) != 0)
      return system_error(errno, "cannot write " + draft.string());
  }
  if (::rename(draft.c_str(), target.c_str()) != 0)
    return system_error(errno, "cannot write " + target.string());
  return sync_folder(folder);
}

Result<void> check_format(const fs::path& folder) {
  const fs::path path = format_file(folder);
  std::ifstream file(path);
  std::string word;
  int version = 0;
  if (!file) return system_error(errno, "cannot read " + path.string());
  if (!(file >> word >> version) || word != format_word || version < 1)
    return corrupt(path, "is not the format file of an Eventy data folder");
  if (version <= format_version) return {};
  return Error{ErrorCode::newer_format, "the data in " + folder.string() + " has format " +
                                            std::to_string(version) + ", this version reads up to " +
                                            std::to_string(format_version) + ": use a newer Eventy for it"};
}

}  // namespace

Error system_error(int number, const std::string& what) {
  ErrorCode code = ErrorCode::io;
  if (number == EACCES || number == EPERM || number == EROFS) code = ErrorCode::permission_denied;
  if (number == ENOSPC || number == EDQUOT) code = ErrorCode::no_space;
  if (number == ENOENT) code = ErrorCode::not_found;
  return {code, what + ": " + std::generic_category().message(number)};
}

fs::path database_folder(const fs::path& folder) { return folder / "db"; }

Result<void> prepare_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return system_error(error.value(), "cannot create the data folder " + folder.string());
  if (::access(folder.c_str(), R_OK | W_OK | X_OK) != 0)
    return system_error(errno, "cannot write to the data folder " + folder.string());
  if (fs::exists(format_file(folder), error)) return check_format(folder);
  if (error) return system_error(error.value(), "cannot read the data folder " + folder.string());
  if (fs::exists(database_folder(folder) / "CURRENT", error))
    return corrupt(format_file(folder), "is missing, but the folder has a database");
  return write_format(folder);
}

Result<void> check_folder(const fs::path& folder) {
  if (::access(folder.c_str(), F_OK) != 0 && errno == ENOENT)
    return Error{ErrorCode::not_found, "there is no data folder " + folder.string()};
  if (::access(folder.c_str(), R_OK | X_OK) != 0)
    return system_error(errno, "cannot read the data folder " + folder.string());
  if (::access(format_file(folder).c_str(), F_OK) != 0 && errno == ENOENT)
    return Error{ErrorCode::not_found, "there is no data in the folder " + folder.string()};
  return check_format(folder);
}

Result<std::uint64_t> read_acknowledged(const fs::path& folder) {
  const fs::path path = cycle_file(folder);
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT) return std::uint64_t{0};
    return system_error(errno, "cannot read " + path.string());
  }
  std::array<std::uint64_t, 2> words{};
  const ssize_t size = ::pread(file.get(), words.data(), sizeof words, 0);
  if (size < 0) return system_error(errno, "cannot read " + path.string());
  if (size == 0 || (words[0] == 0 && words[1] == 0)) return std::uint64_t{0};
  if (size != sizeof words || words[0] != ~words[1]) return corrupt(path, "its checksum does not match");
  return words[0];
}

AcknowledgedFile::~AcknowledgedFile() {
  if (file_ >= 0) ::close(file_);
}

Result<void> AcknowledgedFile::open(const fs::path& folder) {
  path_ = cycle_file(folder);
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (file_ < 0) return system_error(errno, "cannot write " + path_.string());
  return {};
}

Result<void> AcknowledgedFile::write(std::uint64_t number) {
  const std::array<std::uint64_t, 2> words{number, ~number};
  if (::pwrite(file_, words.data(), sizeof words, 0) != sizeof words)
    return system_error(errno, "cannot write " + path_.string());
  return {};
}

int lock_holder(const fs::path& folder) {
  Descriptor file(::open((database_folder(folder) / "LOCK").c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return 0;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return 0;
  return static_cast<int>(lock.l_pid);
}

}  // namespace eventy::rocksdb::detail
