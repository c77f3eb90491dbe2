// Copies of states on disk: processes that are killed, damage, two holders of one folder, a full disk, and
// the limit of memory. What is left is always a state that was, with the place that belongs to it, or
// nothing. Other processes are this program started again with one test and a task in EVENTY_TEST_TASK.
// ctest: TIMEOUT 300
#define CAF_SUITE rocksdb_local_state

#include "rocksdb_support.hpp"

#include "eventy/rocksdb/local_state.hpp"
#include "eventy/store/local_state.hpp"
#include "eventy/store/write_behind.hpp"

#include "caf/test/unit_test.hpp"

#include <fcntl.h>
#include <rocksdb/db.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

using namespace eventy;
using namespace eventy::faults;

namespace {

constexpr int keys = 700;
constexpr std::size_t small_buffers = 256u << 10;  // so that much moves to files
constexpr std::chrono::seconds patience{30};

struct Copies {
  explicit Copies(const fs::path& folder, std::size_t buffers = small_buffers)
      : open(eventy::rocksdb::local_state(
                 {.folder = folder,
                  .cache_size = 256u << 10,
                  .write_buffer_size = buffers,
                  .on_rebuild = [this](const std::string& what) { rebuilt.push_back(what); }})
                 .value()) {}
  std::unique_ptr<LocalState> copy(std::uint32_t partition = 0) {
    return open("counter", PartitionId{partition}).value();
  }

  std::vector<std::string> rebuilt = {};
  OpenLocalState open;
};

std::string key_of(std::int64_t number) { return "key " + std::to_string(number % keys); }
std::string value_of(std::int64_t number) { return std::to_string(number) + std::string(200, '.'); }

// Write number n, from 1: changes three keys, and its place is n. So a place tells the value of every key.
Result<void> write(LocalState& copy, std::int64_t n, decltype(&LocalState::apply) how = &LocalState::apply) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (std::int64_t i = 3 * n; i < 3 * n + 3; ++i) pairs.emplace_back(key_of(i), value_of(i));
  std::vector<LocalState::Change> changes;
  for (const auto& [key, value] : pairs) changes.emplace_back(key, value);
  return (copy.*how)(changes, {.next = Offset{n}, .log = "log", .synced = Instant(Duration(n))});
}

// The place of a copy if all its keys are as they were at that place; an error if a key cannot be read; -1 if
// something does not fit.
Result<std::int64_t> agreed_place(LocalState& copy) {
  auto place = copy.place();
  if (!place) return place.error();
  const std::int64_t n = place->next.value;
  if (*place != (n ? LogPosition{Offset{n}, "log", Instant(Duration(n))} : LogPosition{}))
    return std::int64_t{-1};
  for (std::int64_t k = 0; k < keys; ++k) {
    std::int64_t last = 3 * n + 2;
    while (last >= 3 && last % keys != k) --last;
    auto value = copy.get(key_of(k));
    if (!value) return value.error();
    if (*value != (last >= 3 ? std::optional(value_of(last)) : std::nullopt)) return std::int64_t{-1};
  }
  return n;
}

// Another process with a task and a folder; killed at the end.
class Process {
 public:
  Process(const std::string& task, const fs::path& folder) : note_(folder.string() + ".note") {
    fs::remove(note_);
    ::setenv("EVENTY_TEST_TASK", task.c_str(), 1);
    ::setenv("EVENTY_TEST_FOLDER", folder.c_str(), 1);
    const char* arguments[] = {
        "task", "-n", "-v", "0", "-s", "^rocksdb_local_state$", "-t", "^task_of_another_process$", nullptr};
    const int failed =
        ::posix_spawn(&id_, "/proc/self/exe", nullptr, nullptr, const_cast<char**>(arguments), environ);
    ::unsetenv("EVENTY_TEST_TASK");
    if (failed) throw std::runtime_error("cannot start another process");
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    kill();
    fs::remove(note_);
  }
  pid_t id() const { return id_; }
  // The number of its last acknowledged write, when there is one.
  std::int64_t acknowledged() const {
    std::int64_t number = 0;
    std::ifstream(note_, std::ios::binary).read(reinterpret_cast<char*>(&number), sizeof number);
    return number;
  }
  void wait_for(std::int64_t number) const {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (acknowledged() < number) {
      if (std::chrono::steady_clock::now() > deadline)
        throw std::runtime_error("the other process is silent");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  void kill() {
    if (id_ == 0) return;
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
    id_ = 0;
  }

 private:
  pid_t id_ = 0;
  fs::path note_;
};

// Writes as long as it lives, from where the copy is, and acknowledges each write.
void keep_writing(const fs::path& folder, LocalState& copy, decltype(&LocalState::apply) how) {
  const int note = ::open((folder.string() + ".note").c_str(), O_WRONLY | O_CREAT, 0644);
  for (std::int64_t n = agreed_place(copy).value() + 1;; ++n) {
    write(copy, n, how).value();
    if (::pwrite(note, &n, sizeof n, 0) != sizeof n) return;
  }
}
void keep_writing(const fs::path& folder) {
  Copies copies(folder);
  keep_writing(folder, *copies.copy(), &LocalState::apply);
}
// The same through memory: what waits there is gone when it is killed.
void keep_writing_behind(const fs::path& folder, decltype(&LocalState::apply) how) {
  Copies copies(folder);
  const auto open =
      write_behind(std::exchange(copies.open, nullptr), {.limit = 1u << 20, .delay = Duration(3)});
  keep_writing(folder, *open("counter", PartitionId{0}).value(), how);
}

// Files that hold something, by their extension.
std::map<std::string, std::vector<fs::path>> files_of(const fs::path& folder) {
  std::map<std::string, std::vector<fs::path>> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    std::error_code gone;  // RocksDB removes files in the background
    if (!entry.is_regular_file(gone) || entry.file_size(gone) == 0 || gone) continue;
    if (entry.path().extension() == ".log" || entry.path().extension() == ".sst")
      files[entry.path().extension()].push_back(entry.path());
    else if (name.starts_with("MANIFEST") || name == "CURRENT")
      files[name.substr(0, 8)].push_back(entry.path());
  }
  return files;
}

class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

// Where a record ends in a log file or a list of tables: blocks of 32 KiB, records with 7 bytes before them
// (a checksum, the length, a type) that do not cross blocks.
std::vector<std::size_t> ends_of_records(std::string_view text) {
  constexpr std::size_t block = 32u << 10, head = 7;
  std::vector<std::size_t> ends;
  for (std::size_t at = 0; at + head <= text.size();) {
    if (block - at % block < head) {
      at += block - at % block;
      continue;
    }
    const auto byte = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(text[at + i])}; };
    at += head + (byte(4) | byte(5) << 8);
    ends.push_back(at);
  }
  return ends;
}

// Damages a file somewhere: what it says of itself.
std::string damage(const fs::path& file, std::mt19937_64& chance) {
  std::string text = text_in(file);
  const std::size_t place = chance() % text.size();
  const bool cut = chance() % 2;
  if (cut) {
    text.resize(place);
  } else {
    text[place] = static_cast<char>(text[place] ^ static_cast<char>(1 << chance() % 8));
  }
  write_text(file, text);
  return file.filename().string() + (cut ? " cut at " : " flipped at ") + std::to_string(place);
}

}  // namespace

CAF_TEST(task_of_another_process) {
  const char* task = std::getenv("EVENTY_TEST_TASK");
  if (task && std::string(task) == "keep writing") keep_writing(std::getenv("EVENTY_TEST_FOLDER"));
  if (task && std::string(task) == "keep loading")
    keep_writing_behind(std::getenv("EVENTY_TEST_FOLDER"), &LocalState::load);
  if (task && std::string(task) == "keep applying")
    keep_writing_behind(std::getenv("EVENTY_TEST_FOLDER"), &LocalState::apply);
  CAF_CHECK(true);
}

struct Killed {
  std::int64_t before = 0;  // the place where it began
  std::int64_t acknowledged = 0;
  std::int64_t left = 0;  // the place that its copy has
};

// Processes with a task, one after the other on the same copy, killed at random moments.
std::vector<Killed> kill_often(const std::string& task, int kills) {
  Folder folder;
  const auto seed = seed_of_this_run();
  CAF_MESSAGE("EVENTY_TEST_SEED=" << seed);
  std::mt19937_64 chance(seed);
  std::vector<Killed> killed;
  for (std::int64_t last = 0; kills > 0; --kills) {
    Process writer(task, folder.path());
    writer.wait_for(last + 1);
    std::this_thread::sleep_for(std::chrono::microseconds(chance() % 60'000));
    writer.kill();
    Copies copies(folder.path());
    killed.push_back({last, writer.acknowledged(), agreed_place(*copies.copy()).value()});
    last = killed.back().left;
    for (const auto& why : copies.rebuilt) CAF_MESSAGE(why);
    CAF_CHECK(copies.rebuilt.empty());
  }
  return killed;
}

CAF_TEST(a_killed_process_leaves_a_copy_whose_states_and_place_agree) {
  std::int64_t writes = 0;
  for (const auto& [before, acknowledged, left] : kill_often("keep writing", 25)) {
    writes += acknowledged - before;
    CAF_CHECK(left == acknowledged || left == acknowledged + 1);
  }
  CAF_MESSAGE(writes << " writes");
  CAF_CHECK(writes > 25 * keys / 3);  // else few kills could hit work on files
}

void kill_often_what_writes_behind(const std::string& task) {
  std::int64_t lost = 0, most = 0;
  for (const auto& [before, acknowledged, left] : kill_often(task, 15)) {
    CAF_CHECK(left >= before && left <= acknowledged + 1);
    lost += acknowledged - left, most = std::max(most, left);
  }
  CAF_MESSAGE(most << " writes, " << lost << " lost with what waited");
  CAF_CHECK(most > 0 && lost > 0);
}

CAF_TEST(a_process_killed_while_it_loads_leaves_an_older_copy_whose_states_and_place_agree) {
  kill_often_what_writes_behind("keep loading");
}

CAF_TEST(a_process_killed_while_it_applies_through_memory_leaves_an_older_copy_whose_states_and_place_agree) {
  kill_often_what_writes_behind("keep applying");
}

// A copy that a process left which was killed after some writes. Some are in a log file.
struct LeftCopy {
  LeftCopy() {
    for (written = 6'000; !files_of(folder.path()).contains(".log");) {
      Process writer("keep writing", folder.path());
      writer.wait_for(written + 50);
      writer.kill();
      written = writer.acknowledged();
    }
  }
  Folder folder = {};
  std::int64_t written = 0;
};

// Opens the copy of a folder after damage, reads all of it and writes on. The write that it had, 0 if it came
// back empty.
std::int64_t open_damaged(const fs::path& folder, const LeftCopy& original, const std::string& what) {
  Copies copies(folder);
  auto copy = copies.copy();
  // Damage in the middle of a file shows when it is read: then the copy is given up and starts again.
  auto place = agreed_place(*copy);
  const auto written_on = place && *place >= 0 ? write(*copy, *place + 1) : Result<void>();
  if (!place || !written_on) {
    CAF_CHECK((place ? written_on.error() : place.error()).code == ErrorCode::corrupt);
    copy = copies.copy();
    place = agreed_place(*copy);
    CAF_CHECK(place.ok() && *place == 0);
    write(*copy, 1).value();
  }
  const std::int64_t n = place.value();
  if (n < 0) CAF_MESSAGE(what << ": the states and the place disagree");
  CAF_CHECK(n >= 0 && n <= original.written + 1);
  CAF_CHECK_EQUAL(copies.rebuilt.size(), n == 0 ? 1u : 0u);
  CAF_CHECK_EQUAL(agreed_place(*copy).value(), n + 1);
  return n;
}

CAF_TEST(a_damaged_copy_is_an_older_state_or_comes_back_empty) {
  const LeftCopy original;
  const auto seed = seed_of_this_run();
  CAF_MESSAGE("EVENTY_TEST_SEED=" << seed);
  std::mt19937_64 chance(seed);
  std::map<std::string, int> older, empty, whole;
  for (const auto& [kind, files] : files_of(original.folder.path())) {
    // RocksDB waits a second when it has met damage in a table by itself; some tables are no longer read.
    const int rounds = kind == ".sst" ? 10 : kind == "CURRENT" ? 5 : 40;
    for (int i = 0; i < rounds || (kind == ".sst" && empty[kind] == 0 && i < 100); ++i) {
      Folder folder;
      fs::copy(original.folder.path(), folder.path(),
               fs::copy_options::recursive | fs::copy_options::overwrite_existing);
      const auto& victim = files[chance() % files.size()];
      const auto what = damage(folder.path() / fs::relative(victim, original.folder.path()), chance);
      const auto n = open_damaged(folder.path(), original, what);
      ++(n == 0 ? empty : n < original.written ? older : whole)[kind];
    }
  }
  for (const auto& [kind, files] : files_of(original.folder.path()))
    CAF_MESSAGE(kind << ": " << whole[kind] << " whole, " << older[kind] << " older, " << empty[kind]
                     << " empty");
  CAF_CHECK(older[".log"] > 0);
  CAF_CHECK(empty[".sst"] > 0 && empty["MANIFEST"] > 0 && empty["CURRENT"] > 0);
}

// RocksDB takes such a file for one that ends there.
CAF_TEST(a_file_cut_between_two_of_its_records_leaves_no_gap) {
  const LeftCopy original;
  const auto seed = seed_of_this_run();
  CAF_MESSAGE("EVENTY_TEST_SEED=" << seed);
  std::mt19937_64 chance(seed);
  const auto all = files_of(original.folder.path());
  for (const std::string kind : {".log", "MANIFEST"}) {
    int older = 0, empty = 0;
    for (const auto& victim : all.at(kind)) {
      const std::string text = text_in(victim);
      auto ends = ends_of_records(text);
      std::erase_if(ends, [&](std::size_t end) { return end >= text.size(); });
      std::shuffle(ends.begin(), ends.end(), chance);
      ends.insert(ends.begin(), 0);
      if (ends.size() > 25) ends.erase(ends.begin() + 25, ends.end());
      for (const std::size_t end : ends) {
        Folder folder;
        fs::copy(original.folder.path(), folder.path(),
                 fs::copy_options::recursive | fs::copy_options::overwrite_existing);
        write_text(folder.path() / fs::relative(victim, original.folder.path()), text.substr(0, end));
        const auto n =
            open_damaged(folder.path(), original,
                         victim.filename().string() + " cut behind a record, at " + std::to_string(end));
        ++(n == 0 ? empty : older);
      }
    }
    CAF_MESSAGE(kind << ": " << older << " older, " << empty << " empty");
    CAF_CHECK(kind == ".log" ? older > 0 : empty > 0);
  }
}

CAF_TEST(copies_of_a_newer_format_come_back_empty) {
  Folder folder;
  {
    Copies copies(folder.path());
    write(*copies.copy(), 1).value();
  }
  {
    ::rocksdb::DB* db = nullptr;
    CAF_REQUIRE(::rocksdb::DB::Open({}, (folder.path() / "states").string(), &db).ok());
    CAF_REQUIRE(db->Put({}, std::string("\0\0\0\0f", 5), std::string("\0\0\0\4", 4)).ok());
    delete db;
  }
  write_text(folder.path() / "states/notes of the operator", "mine");
  Copies copies(folder.path());
  CAF_CHECK_EQUAL(agreed_place(*copies.copy()).value(), 0);
  CAF_REQUIRE_EQUAL(copies.rebuilt.size(), 1u);
  CAF_MESSAGE(copies.rebuilt[0]);
  CAF_CHECK(copies.rebuilt[0].find("format 4") != std::string::npos);
  CAF_CHECK_EQUAL(text_in(folder.path() / "states/notes of the operator"), "mine");
}

// They were a database for each partition.
CAF_TEST(copies_of_an_earlier_version_are_removed_and_nothing_else) {
  Folder folder;
  for (const char* copy : {"counter/0", "counter/1", "states/0"}) {
    fs::create_directories(folder.path() / copy);
    ::rocksdb::Options options;
    options.create_if_missing = true;
    ::rocksdb::DB* db = nullptr;
    CAF_REQUIRE(::rocksdb::DB::Open(options, (folder.path() / copy).string(), &db).ok());
    CAF_REQUIRE(db->Put({}, "kkey", "value").ok());
    delete db;
  }
  fs::create_directories(folder.path() / "counter/2");
  write_text(folder.path() / "counter/2/notes of the operator", "mine");
  Copies copies(folder.path());
  CAF_REQUIRE_EQUAL(copies.rebuilt.size(), 1u);
  CAF_MESSAGE(copies.rebuilt[0]);
  CAF_CHECK(copies.rebuilt[0].find("3 local copies") != std::string::npos);
  CAF_CHECK_EQUAL(agreed_place(*copies.copy()).value(), 0);
  write(*copies.copy(), 1).value();
  CAF_CHECK(!fs::exists(folder.path() / "counter/0") && !fs::exists(folder.path() / "states/0"));
  CAF_CHECK_EQUAL(text_in(folder.path() / "counter/2/notes of the operator"), "mine");
}

// Whoever holds one of them is told, and reads nothing of another one.
CAF_TEST(copies_beside_a_damaged_one_are_removed_with_it) {
  Folder folder;
  {
    Copies copies(folder.path());
    write(*copies.copy(0), 1).value();
    for (std::int64_t n = 1; n <= keys / 3 - 1; ++n) write(*copies.copy(1), n).value();  // each key once
  }
  { (void)Copies(folder.path()).copy(); }  // moves the log to a table
  const auto tables = files_of(folder.path()).at(".sst");
  const auto largest = *std::max_element(tables.begin(), tables.end(), [](const auto& a, const auto& b) {
    return fs::file_size(a) < fs::file_size(b);
  });
  std::string text = text_in(largest);
  const auto middle =
      text.begin() + static_cast<std::ptrdiff_t>(text.size() / 2);  // states of the second copy
  std::fill(middle - 100, middle + 100, 'x');
  write_text(largest, text);

  Copies copies(folder.path());
  const auto earlier = copies.copy(0);
  CAF_CHECK_EQUAL(agreed_place(*earlier).value(), 1);
  CAF_CHECK(agreed_place(*copies.copy(1)).error().code == ErrorCode::corrupt);
  copies.copy(1);
  CAF_REQUIRE_EQUAL(copies.rebuilt.size(), 1u);
  CAF_MESSAGE(copies.rebuilt[0]);
  CAF_CHECK(agreed_place(*earlier).error().code == ErrorCode::corrupt);
  CAF_CHECK(write(*earlier, 2).error().code == ErrorCode::corrupt);
  for (std::uint32_t p = 0; p < 2; ++p) CAF_CHECK_EQUAL(agreed_place(*copies.copy(p)).value(), 0);
  write(*copies.copy(0), 1).value();
  CAF_CHECK_EQUAL(agreed_place(*copies.copy(0)).value(), 1);
}

CAF_TEST(a_folder_has_one_holder_and_others_are_told_who) {
  Folder folder;
  const auto refused = [&] {
    auto second = eventy::rocksdb::local_state({.folder = folder.path()});
    CAF_REQUIRE(!second);
    CAF_MESSAGE(second.error().message);
    CAF_CHECK(second.error().code == ErrorCode::busy);
    return second.error().message;
  };
  {
    Process other("keep writing", folder.path());
    other.wait_for(1);
    CAF_CHECK(refused().find("process " + std::to_string(other.id())) != std::string::npos);
  }
  Copies copies(folder.path());
  CAF_CHECK(refused().find("this process, " + std::to_string(::getpid())) != std::string::npos);
  copies.open = nullptr;
  CAF_CHECK(eventy::rocksdb::local_state({.folder = folder.path()}).ok());
}

CAF_TEST(no_name_of_a_service_makes_a_folder) {
  Folder folder;
  Copies copies(folder.path() / "copies");
  for (const std::string service : {"..", "../out", "/", "a/b", ".lock"})
    copies.open(service, PartitionId{0}).value();
  std::set<std::string> found;
  for (const auto& entry : fs::directory_iterator(folder.path())) found.insert(entry.path().filename());
  for (const auto& entry : fs::directory_iterator(folder.path() / "copies"))
    found.insert(entry.path().filename());
  CAF_CHECK(found == (std::set<std::string>{"copies", ".lock", "states"}));
}

CAF_TEST(the_data_of_an_embedded_store_is_no_place_for_copies) {
  Folder folder;
  { auto store = eventy::rocksdb::open(options_of(folder.path())).value(); }
  auto refused = eventy::rocksdb::local_state({.folder = folder.path()});
  CAF_REQUIRE(!refused);
  CAF_CHECK(refused.error().code == ErrorCode::invalid_argument);
  CAF_CHECK(eventy::rocksdb::open(options_of(folder.path())).ok());
}

CAF_TEST(a_full_disk_applies_nothing_and_room_lets_it_go_on) {
  SmallDisk disk;
  if (!disk.mounted()) {
    CAF_MESSAGE("skipped: no permission to mount a small file system");
    CAF_CHECK(true);
    return;
  }
  std::int64_t n = 0;
  {
    Copies copies(disk.path() / "copies", 1u << 20);
    const auto copy = copies.copy();
    for (int round = 0; round < 2; ++round) {
      write(*copy, ++n).value();
      for (int pieces = 0; pieces < 24; ++pieces)  // as much as fits
        write_text(disk.path() / ("ballast" + std::to_string(pieces)), std::string(1u << 20, 'b'));
      std::optional<Error> refused;
      for (int i = 0; i < 20'000 && !refused; ++i)
        if (auto written = write(*copy, n + 1); written)
          ++n;
        else
          refused = written.error();
      CAF_REQUIRE(refused.has_value());
      CAF_MESSAGE(refused->message);
      for (int again = 0; again < 3; ++again) {  // and it can be read all the time
        CAF_CHECK(refused->code == ErrorCode::no_space);
        CAF_CHECK_EQUAL(agreed_place(*copy).value(), n);
        refused = write(*copy, n + 1).error();
      }
      for (int pieces = 0; pieces < 24; ++pieces)
        fs::remove(disk.path() / ("ballast" + std::to_string(pieces)));
      const auto deadline = std::chrono::steady_clock::now() + patience;
      while (!write(*copy, n + 1) && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      CAF_REQUIRE_EQUAL(agreed_place(*copy).value(), ++n);
    }
  }
  Copies copies(disk.path() / "copies", 1u << 20);
  for (int pieces = 0; pieces < 24; ++pieces)
    write_text(disk.path() / ("ballast" + std::to_string(pieces)), std::string(1u << 20, 'b'));
  const auto unopened = copies.open("counter", {0});
  CAF_CHECK(!unopened && unopened.error().code == ErrorCode::no_space);
  for (int pieces = 0; pieces < 24; ++pieces) fs::remove(disk.path() / ("ballast" + std::to_string(pieces)));
  CAF_CHECK_EQUAL(agreed_place(*copies.copy()).value(), n);
  CAF_CHECK(copies.rebuilt.empty());
}

// The limit stands for any failure of the log's own writes: it may end in a torn one.
CAF_TEST(a_failed_write_of_the_log_is_cut_and_the_copy_goes_on) {
  Folder folder;
  Copies copies(folder.path(), 64u << 20);
  const auto copy = copies.copy();
  std::int64_t n = 0;
  std::optional<Error> failed;
  {
    const FileSizeLimit limit(300'000);
    while (!failed && n < 5'000)
      if (auto written = write(*copy, n + 1); written)
        ++n;
      else
        failed = written.error();
  }
  CAF_REQUIRE(failed.has_value());
  CAF_MESSAGE(failed->message);
  CAF_CHECK_EQUAL(agreed_place(*copy).value(), n);
  write(*copy, n + 1).value();
  CAF_CHECK_EQUAL(agreed_place(*copy).value(), n + 1);
  CAF_CHECK_EQUAL(agreed_place(*copies.copy()).value(), n + 1);
  CAF_CHECK(copies.rebuilt.empty());
}

// Keeps the thread of RocksDB that writes tables busy: before each it pauses.
class SlowFiles {
 public:
  SlowFiles() { queue(); }
  SlowFiles(const SlowFiles&) = delete;
  SlowFiles& operator=(const SlowFiles&) = delete;
  ~SlowFiles() {
    std::unique_lock lock(mutex_);
    over_ = true;
    ended_.wait(lock, [this] { return !queued_; });
  }

 private:
  void queue() {
    queued_ = true;
    ::rocksdb::Env::Default()->Schedule([](void* self) { static_cast<SlowFiles*>(self)->pause(); }, this,
                                        ::rocksdb::Env::Priority::HIGH);
  }
  void pause() {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    std::lock_guard lock(mutex_);
    queued_ = false;
    if (over_)
      ended_.notify_all();
    else
      queue();
  }

  std::mutex mutex_ = {};
  std::condition_variable ended_ = {};
  bool queued_ = false, over_ = false;
};

// The log files hold what is in memory; so they show it from outside.
CAF_TEST(many_copies_together_keep_to_the_limit_of_memory) {
  constexpr std::uint32_t partitions_of_many = 48;
  constexpr std::size_t limit = 8u << 20, each = 1u << 20;
  Folder folder;
  Copies copies(folder.path(), limit);
  std::vector<std::unique_ptr<LocalState>> all;
  for (std::uint32_t p = 0; p < partitions_of_many; ++p) all.push_back(copies.copy(p));
  const SlowFiles slow;
  const std::string value(1'000, 'v');
  std::int64_t n = 0;
  const auto fill = [&](LocalState& copy, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes / value.size(); ++i) {
      const std::string key = "key " + std::to_string(++n);
      const LocalState::Change change{key, value};
      copy.apply({&change, 1}, {.next = Offset{n}}).value();
    }
  };
  const auto total = [&](const std::string& extension) {
    std::uintmax_t bytes = 0;
    const auto files = files_of(folder.path())[extension];
    for (const auto& file : files) {
      std::error_code gone;  // RocksDB removes files in the background
      if (const auto size = fs::file_size(file, gone); !gone) bytes += size;
    }
    return bytes;
  };
  for (auto& copy : all) fill(*copy, each);
  fill(*all[0], 4 * each);  // the others are idle and hold what they hold
  CAF_MESSAGE("log files " << (total(".log") >> 10) << " KiB, tables "
                           << files_of(folder.path())[".sst"].size());
  CAF_CHECK(total(".log") < limit + limit / 2);
  // Nobody was made to write tiny files again and again.
  CAF_CHECK(files_of(folder.path())[".sst"].size() < partitions_of_many);
}
