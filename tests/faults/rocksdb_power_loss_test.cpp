// What is left after a power failure: each file cut to the length that it had at its last sync. fsync and
// fdatasync of the whole program are defined here, so they note that length before they do their work.
#define CAF_SUITE rocksdb_power_loss

#include "rocksdb_support.hpp"

#include "caf/test/unit_test.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <mutex>

using namespace eventy;
using namespace eventy::faults;

namespace {

class SyncedLengths {
 public:
  void note(int file) {
    const auto info = facts_of(file, "", AT_EMPTY_PATH);
    if (!info || !S_ISREG(info->stx_mode)) return;
    std::lock_guard lock(mutex_);
    lengths_[identity(*info)] = info->stx_size;
    ++syncs_;
  }
  std::uintmax_t of(const fs::path& path) const {
    const auto info = facts_of(AT_FDCWD, path.c_str(), 0);
    if (!info) return 0;
    std::lock_guard lock(mutex_);
    auto it = lengths_.find(identity(*info));
    return it == lengths_.end() ? 0 : std::min<std::uintmax_t>(it->second, info->stx_size);
  }
  std::uint64_t count() const { return syncs_; }

 private:
  // With the time of birth: numbers of files are used again.
  using Identity = std::array<std::uint64_t, 5>;
  static Identity identity(const struct statx& info) {
    return {info.stx_dev_major, info.stx_dev_minor, info.stx_ino,
            static_cast<std::uint64_t>(info.stx_btime.tv_sec), info.stx_btime.tv_nsec};
  }
  static std::optional<struct statx> facts_of(int folder, const char* path, int flags) {
    struct statx info {};
    if (::statx(folder, path, flags, STATX_BASIC_STATS | STATX_BTIME, &info) != 0) return std::nullopt;
    return info;
  }

  mutable std::mutex mutex_ = {};
  std::map<Identity, std::uint64_t> lengths_ = {};
  std::atomic<std::uint64_t> syncs_ = 0;
};

SyncedLengths& synced() {
  static SyncedLengths lengths;
  return lengths;
}

}  // namespace

extern "C" int fsync(int file) {
  const auto result = static_cast<int>(::syscall(SYS_fsync, file));
  if (result == 0) synced().note(file);
  return result;
}
extern "C" int fdatasync(int file) {
  const auto result = static_cast<int>(::syscall(SYS_fdatasync, file));
  if (result == 0) synced().note(file);
  return result;
}

namespace {

enum class CycleFile { lost, kept };  // it is never synced: a power failure may leave either

std::vector<std::string> listing(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    names.push_back(entry.path().string() +
                    (entry.path().filename() == "CURRENT" ? text_in(entry.path()) : ""));
  std::sort(names.begin(), names.end());
  return names;
}

// One moment: if files come, go or are synced meanwhile, it is taken again.
void copy_as_after_power_loss(const fs::path& from, const fs::path& to, CycleFile cycle_file) {
  for (;;) {
    const auto syncs = synced().count();
    const auto before = listing(from);
    fs::remove_all(to);
    fs::create_directories(to / "db");
    try {
      for (const auto& entry : fs::recursive_directory_iterator(from)) {
        if (!entry.is_regular_file()) continue;
        const auto target = to / fs::relative(entry.path(), from);
        fs::copy_file(entry.path(), target);
        const bool keep = entry.path().filename() == "cycle" && cycle_file == CycleFile::kept;
        if (!keep) fs::resize_file(target, std::min(synced().of(entry.path()), fs::file_size(target)));
      }
    } catch (const fs::filesystem_error&) {
      continue;
    }
    if (synced().count() == syncs && listing(from) == before) return;
  }
}

struct Loss {
  std::int64_t acknowledged = 0, left = 0;
};

// Runs cycles and has power failures after some of them; nothing is closed before.
std::vector<Loss> losses(rocksdb::Options options, std::size_t value_size, CycleFile cycle_file) {
  Folder folder, copy;
  options.path = folder.path();
  std::vector<Loss> result;
  auto store = rocksdb::open(options).value();
  CycleWriter writer(*store, value_size);
  for (std::int64_t done = 1; done <= 120; ++done) {
    CAF_REQUIRE(writer.cycle().ok());
    if (done % 15 != 1 && done != 120) continue;
    copy_as_after_power_loss(folder.path(), copy.path(), cycle_file);
    auto left = contents_in(copy.path());
    if (!left) {
      CAF_MESSAGE(left.error().message);
      if (options.sync) CAF_FAIL("acknowledged cycles cannot be read");
      result.push_back({done, 0});  // the topics themselves were not on disk
      continue;
    }
    CAF_CHECK(whole_cycles(*left) >= 0);
    result.push_back({done, whole_cycles(*left)});
  }
  return result;
}

rocksdb::Options small_buffers() {
  rocksdb::Options options;
  options.write_buffer_size = options.state_buffer_size = 256u << 10;
  options.max_log_bytes = 1u << 20;
  return options;
}

}  // namespace

CAF_TEST(synced_cycles_survive_a_power_failure) {
  const auto before = synced().count();
  for (const auto cycle_file : {CycleFile::lost, CycleFile::kept}) {
    for (const Loss& loss : losses({}, 400, cycle_file)) CAF_CHECK_EQUAL(loss.left, loss.acknowledged);
  }
  CAF_CHECK(synced().count() > before + 240);  // the syncs went through the functions above
}

CAF_TEST(synced_cycles_survive_it_while_buffers_move_to_files) {
  for (const auto cycle_file : {CycleFile::lost, CycleFile::kept}) {
    for (const Loss& loss : losses(small_buffers(), 40'000, cycle_file))
      CAF_CHECK_EQUAL(loss.left, loss.acknowledged);
  }
}

CAF_TEST(cycles_without_sync_may_be_lost_but_only_whole_and_the_last) {
  rocksdb::Options options;
  options.sync = false;
  std::int64_t lost = 0;
  for (const auto cycle_file : {CycleFile::lost, CycleFile::kept}) {
    for (const Loss& loss : losses(options, 400, cycle_file)) lost += loss.acknowledged - loss.left;
  }
  CAF_CHECK(lost > 0);  // else the copies above prove nothing
}

CAF_TEST(cycles_without_sync_are_on_disk_after_a_close) {
  Folder folder, copy;
  auto options = options_of(folder.path());
  options.sync = false;
  {
    auto store = rocksdb::open(options).value();
    CycleWriter writer(*store, 400);
    for (int i = 0; i < 50; ++i) writer.cycle().value();
    writer.driver().drop();
  }
  copy_as_after_power_loss(folder.path(), copy.path(), CycleFile::kept);
  auto left = contents_in(copy.path());
  CAF_REQUIRE(left.ok());
  CAF_CHECK_EQUAL(whole_cycles(*left), 50);
}
