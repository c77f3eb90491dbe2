// Who may open the data: one writer, readers beside it or without it, users with and without permission; and
// a full disk. Other processes are this program started again with one test and a task in EVENTY_TEST_TASK.
#define CAF_SUITE rocksdb_access

#include "rocksdb_support.hpp"

#include "caf/test/unit_test.hpp"

#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

using namespace eventy;
using namespace eventy::faults;

namespace {

constexpr std::chrono::seconds patience{30};

// Another process with a task and a folder; killed at the end.
class Process {
 public:
  Process(const std::string& task, const fs::path& folder) : report_(folder.string() + ".report") {
    fs::remove(report_);
    ::setenv("EVENTY_TEST_TASK", task.c_str(), 1);
    ::setenv("EVENTY_TEST_FOLDER", folder.c_str(), 1);
    ::setenv("EVENTY_TEST_REPORT", report_.c_str(), 1);
    const char* arguments[] = {
        "task", "-n", "-v", "0", "-s", "^rocksdb_access$", "-t", "^task_of_another_process$", nullptr};
    const int failed =
        ::posix_spawn(&id_, "/proc/self/exe", nullptr, nullptr, const_cast<char**>(arguments), environ);
    ::unsetenv("EVENTY_TEST_TASK");
    if (failed) throw std::runtime_error("cannot start another process");
  }
  ~Process() {
    end();
    fs::remove(report_);
  }
  pid_t id() const { return id_; }
  // What the task wrote, once it wrote it.
  std::string report() const {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!fs::exists(report_)) {
      if (std::chrono::steady_clock::now() > deadline)
        throw std::runtime_error("the other process says nothing");
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return text_in(report_);
  }
  void end() {
    if (id_ == 0) return;
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
    id_ = 0;
  }

 private:
  pid_t id_ = 0;
  fs::path report_;
};

void report(const std::string& text) {
  const std::string path = std::getenv("EVENTY_TEST_REPORT");
  write_text(path + ".new", text);
  fs::rename(path + ".new", path);
}

std::string outcome_of(const fs::path& folder, rocksdb::Access access) {
  auto contents = contents_in(folder, access);
  return contents.ok() ? "ok"
                       : std::string(to_string(contents.error().code)) + " " + contents.error().message;
}

// Writes cycles as long as it lives.
void keep_writing(const fs::path& folder) {
  auto options = options_of(folder);
  options.write_buffer_size = 512u << 10;
  auto store = rocksdb::open(options).value();
  CycleWriter writer(*store, 3'000);
  for (int i = 0; i < 20; ++i) writer.cycle().value();
  report("writing");
  for (;;) {
    writer.cycle().value();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // or readers have ever more to read
  }
}

void open_as_nobody(const fs::path& folder) {
  constexpr uid_t nobody = 65534;
  const bool changed = ::geteuid() != 0 || (::setgid(nobody) == 0 && ::setuid(nobody) == 0);
  const std::string seen = changed ? outcome_of(folder, rocksdb::Access::read_write) + "\n" +
                                         outcome_of(folder, rocksdb::Access::read_only)
                                   : "cannot change the user";
  // The report's folder belongs to the first user: it was opened before.
  const std::string path = std::getenv("EVENTY_TEST_REPORT");
  std::ofstream(path + ".new", std::ios::app) << seen;
}

// While it lives, no file of this process can grow beyond so many bytes.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_ = {};
  sighandler_t handler_;
};

}  // namespace

CAF_TEST(task_of_another_process) {
  const char* task = std::getenv("EVENTY_TEST_TASK");
  CAF_CHECK(true);
  if (!task) return;
  const fs::path folder = std::getenv("EVENTY_TEST_FOLDER");
  if (task == std::string("write")) keep_writing(folder);
  if (task == std::string("as nobody")) open_as_nobody(folder);
  if (task == std::string("open")) report(outcome_of(folder, rocksdb::Access::read_write));
}

CAF_TEST(a_second_writing_process_is_told_who_holds_the_data) {
  Folder folder;
  Process holder("write", folder.path());
  CAF_REQUIRE_EQUAL(holder.report(), "writing");
  auto refused = rocksdb::open(options_of(folder.path()));
  CAF_REQUIRE(!refused.ok());
  CAF_MESSAGE(refused.error().message);
  CAF_CHECK(refused.error().code == ErrorCode::busy);
  CAF_CHECK(refused.error().message.find("process " + std::to_string(holder.id())) != std::string::npos);
  CAF_CHECK(refused.error().message.find(folder.path().string()) != std::string::npos);
  holder.end();
  auto left = contents_in(folder.path());
  CAF_REQUIRE(left.ok());
  CAF_CHECK(whole_cycles(*left) >= 20);
}

CAF_TEST(a_second_opening_in_the_same_process_is_refused_and_keeps_the_lock) {
  Folder folder;
  auto store = rocksdb::open(options_of(folder.path())).value();
  for (int i = 0; i < 3; ++i) {
    auto refused = rocksdb::open(options_of(folder.path()));
    CAF_REQUIRE(!refused.ok());
    CAF_CHECK(refused.error().code == ErrorCode::busy);
    CAF_CHECK(refused.error().message.find(std::to_string(::getpid())) != std::string::npos);
  }
  Process other("open", folder.path());
  const auto seen = other.report();
  CAF_CHECK(seen.starts_with("busy"));
  CAF_CHECK(seen.find(std::to_string(::getpid())) != std::string::npos);
}

CAF_TEST(a_reader_beside_a_writer_sees_whole_cycles_that_grow) {
  Folder folder;
  Process writer("write", folder.path());
  CAF_REQUIRE_EQUAL(writer.report(), "writing");
  auto options = options_of(folder.path());
  options.access = rocksdb::Access::read_only;
  auto reader = rocksdb::open(options).value();
  std::int64_t last = 0, grown = 0;
  for (int i = 0; i < 30; ++i) {
    const auto position = conformance::position_of(*reader, "counter", "in", 0);
    grown += position > last;
    CAF_CHECK(position >= last);
    last = position;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  CAF_CHECK(grown > 3);
  for (int i = 0; i < 10; ++i) CAF_CHECK(contents_in(folder.path(), rocksdb::Access::read_only).ok());
  CAF_CHECK(!reader->append("in", {conformance::record("x")}).ok());
  CAF_CHECK(reader->open_session(conformance::driver_options()).error().code == ErrorCode::permission_denied);
  writer.end();
  auto now = contents_of(*reader);
  CAF_REQUIRE(now.ok());
  CAF_CHECK(whole_cycles(*now) >= last);
  CAF_CHECK(*now == contents_in(folder.path()).value());
}

CAF_TEST(a_reader_leaves_nothing_behind) {
  auto leftovers = [] {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(fs::temp_directory_path()))
      count += entry.path().filename().string().starts_with("eventy-reader-");
    return count;
  };
  Folder folder;
  rocksdb::open(options_of(folder.path()))
      .value()
      ->ensure_topics({{"in", partitions}, {"out", partitions}})
      .value();
  const auto before = leftovers();
  CAF_CHECK(contents_in(folder.path(), rocksdb::Access::read_only).ok());
  CAF_CHECK(leftovers() <= before);
}

CAF_TEST(a_reader_without_data_says_so) {
  Folder folder;
  for (const auto& path : {folder.path(), folder.path() / "absent"}) {
    auto options = options_of(path);
    options.access = rocksdb::Access::read_only;
    auto refused = rocksdb::open(options);
    CAF_REQUIRE(!refused.ok());
    CAF_CHECK(refused.error().code == ErrorCode::not_found);
    CAF_CHECK(refused.error().message.find(path.string()) != std::string::npos);
  }
  CAF_CHECK(!fs::exists(folder.path() / "absent"));
}

CAF_TEST(a_folder_of_another_user_is_refused_by_name) {
  Folder folder;
  rocksdb::open(options_of(folder.path()))
      .value()
      ->ensure_topics({{"in", partitions}, {"out", partitions}})
      .value();
  fs::permissions(folder.path(), ::geteuid() == 0 ? fs::perms::owner_all : fs::perms::none);
  const fs::path draft = folder.path().string() + ".report.new";
  write_text(draft, "");
  fs::permissions(draft, fs::perms::all);
  std::string seen;
  {
    Process other("as nobody", folder.path());
    ::waitpid(other.id(), nullptr, 0);
    seen = text_in(draft);
  }
  fs::remove(draft);
  fs::permissions(folder.path(), fs::perms::owner_all);
  CAF_MESSAGE(seen);
  const auto end = seen.find('\n');
  CAF_REQUIRE(end != std::string::npos);
  for (const auto& line : {seen.substr(0, end), seen.substr(end + 1)}) {
    CAF_CHECK(line.starts_with("permission_denied"));
    CAF_CHECK(line.find(folder.path().string()) != std::string::npos);
  }
}

CAF_TEST(a_full_disk_undoes_cycles_and_room_lets_them_go_on) {
  SmallDisk disk;
  if (!disk.mounted()) {
    CAF_MESSAGE("skipped: no permission to mount a small file system");
    CAF_CHECK(true);
    return;
  }
  const auto options = disk.options();
  auto store = rocksdb::open(options).value();
  CycleWriter writer(*store, 20'000);
  writer.cycle().value();
  std::int64_t acknowledged = 1;
  for (int round = 0; round < 2; ++round) {
    CAF_MESSAGE("round " << round);
    write_text(disk.path() / "ballast", std::string(7u << 20, 'b'));
    int undone = 0;
    for (int i = 0; i < 600 && undone < 5; ++i) {
      auto cycle = writer.cycle();
      if (cycle) {
        ++acknowledged;
        continue;
      }
      ++undone;
      CAF_MESSAGE(cycle.error().message);
      CAF_CHECK(cycle.error().code == ErrorCode::no_space);
    }
    CAF_CHECK_EQUAL(undone, 5);  // else the disk was never full
    fs::remove(disk.path() / "ballast");
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
      auto cycle = writer.cycle();
      if (cycle) break;
      if (std::chrono::steady_clock::now() > deadline)
        throw std::runtime_error("stuck: " + cycle.error().message);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ++acknowledged;
  }
  auto now = contents_of(*store);
  CAF_REQUIRE(now.ok());
  std::int64_t last = 0;
  for (std::uint32_t p = 0; p < partitions; ++p)
    last += static_cast<std::int64_t>(now->logs.at({"out", p}).size()) / 2;
  CAF_CHECK_EQUAL(last, acknowledged);
  writer.driver().drop();
  store.reset();
  auto later = contents_in(options.path);
  CAF_REQUIRE(later.ok());
  CAF_CHECK(*later == *now);
}

// The limit stands for any failure of the log's own writes, and for another process that takes the room
// between the check of it and the write.
CAF_TEST(a_log_that_cannot_be_written_is_never_written_again) {
  Folder folder;
  auto store = rocksdb::open(options_of(folder.path())).value();
  auto writer = std::make_unique<CycleWriter>(*store, 20'000);
  std::int64_t acknowledged = 0;
  for (; acknowledged < 5; ++acknowledged) writer->cycle().value();
  std::optional<Error> first, second;
  {
    const FileSizeLimit limit(1'000'000);
    for (int i = 0; i < 100 && !first; ++i) {
      try {
        writer->cycle().value();
        ++acknowledged;
      } catch (const Failure& e) {
        first = e.error();
      }
    }
  }
  CAF_REQUIRE(first.has_value());
  CAF_MESSAGE(first->message);
  CAF_CHECK(first->code == ErrorCode::io);
  CAF_CHECK(acknowledged > 5);
  // The limit is gone, but this database does not go on.
  if (auto refused = store->append("in", {conformance::record("x")}); !refused.ok()) second = refused.error();
  CAF_REQUIRE(second.has_value());
  CAF_CHECK_EQUAL(second->message, first->message);
  writer->driver().drop();
  writer.reset();
  store.reset();
  auto later = contents_in(folder.path());
  CAF_REQUIRE(later.ok());
  CAF_CHECK_EQUAL(whole_cycles(*later), acknowledged);
}
