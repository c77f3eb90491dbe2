// Damaged data: opening or reading ends in an error that says where, or with everything; never with less.
// ctest: TIMEOUT 300
#define CAF_SUITE rocksdb_damage

#include "rocksdb_support.hpp"

#include "caf/test/unit_test.hpp"

using namespace eventy;
using namespace eventy::faults;

namespace {

constexpr int cycles = 60;

enum class Kind { log, table, blob, manifest };

std::optional<Kind> kind_of(const fs::path& file) {
  const auto name = file.filename().string();
  if (file.extension() == ".log") return Kind::log;
  if (file.extension() == ".sst") return Kind::table;
  if (file.extension() == ".blob") return Kind::blob;
  if (name.starts_with("MANIFEST")) return Kind::manifest;
  return std::nullopt;
}

// A data folder as a killed process leaves it: files of every kind and a log with the latest cycles.
void fill(const fs::path& target) {
  Folder folder;
  auto options = options_of(folder.path());
  options.write_buffer_size = options.state_buffer_size = 128u << 10;
  options.max_log_bytes = 512u << 10;
  auto store = rocksdb::open(options).value();
  CycleWriter writer(*store, 6'000);
  for (int i = 0; i < cycles; ++i) writer.cycle().value();
  const auto names = [&] {
    std::set<std::string> all;
    std::error_code gone;
    for (const auto& entry : fs::recursive_directory_iterator(folder.path()))
      all.insert(entry.path().string() +
                 std::to_string(entry.is_regular_file(gone) ? entry.file_size(gone) : 0));
    return all;
  };
  for (;;) {  // until no background work changes it
    const auto before = names();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    if (names() != before) continue;
    fs::copy(folder.path(), target, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    if (names() == before) return;
  }
}

std::map<Kind, std::vector<fs::path>> files_by_kind(const fs::path& folder) {
  std::map<Kind, std::vector<fs::path>> files;
  for (const auto& entry : fs::directory_iterator(folder / "db")) {
    if (auto kind = kind_of(entry.path()); kind && entry.file_size() > 0)
      files[*kind].push_back(entry.path().filename());
  }
  return files;
}

void flip(const fs::path& file, std::uint64_t at, unsigned char mask) {
  std::fstream io(file, std::ios::in | std::ios::out | std::ios::binary);
  io.seekg(static_cast<std::streamoff>(at));
  const auto byte = static_cast<unsigned char>(io.get());
  io.seekp(static_cast<std::streamoff>(at));
  io.put(static_cast<char>(byte ^ mask));
}

class Original {
 public:
  Original() {
    fill(folder_.path());
    Folder copy;
    fs::copy(folder_.path(), copy.path(), fs::copy_options::recursive);
    contents = contents_in(copy.path()).value();
  }
  void copy_to(const fs::path& target) const {
    fs::remove_all(target);
    fs::copy(folder_.path(), target, fs::copy_options::recursive);
  }
  const fs::path& path() const { return folder_.path(); }
  Contents contents = {};

 private:
  Folder folder_;
};

const Original& original() {
  static const Original all;
  return all;
}

}  // namespace

CAF_TEST(the_data_to_damage_has_every_kind_of_file) {
  CAF_CHECK_EQUAL(whole_cycles(original().contents), cycles);
  const auto files = files_by_kind(original().path());
  for (const Kind kind : {Kind::log, Kind::table, Kind::blob, Kind::manifest})
    CAF_CHECK(files.contains(kind));
}

CAF_TEST(a_flipped_byte_is_an_error_or_harms_nothing) {
  const auto seed = seed_of_this_run();
  CAF_MESSAGE("EVENTY_TEST_SEED=" << seed);
  std::mt19937_64 random(seed);
  const auto files = files_by_kind(original().path());
  std::map<Kind, int> found;
  Folder copy;
  for (int i = 0; i < 160; ++i) {
    const auto kind = static_cast<Kind>(i % 4);
    const auto& names = files.at(kind);
    const auto file = copy.path() / "db" / names[random() % names.size()];
    original().copy_to(copy.path());
    const auto at = random() % fs::file_size(file);
    const auto mask = static_cast<unsigned char>(1u << random() % 8);
    flip(file, at, mask);
    auto left = contents_in(copy.path());
    if (!left) {
      ++found[kind];
      if (left.error().message.empty()) CAF_ERROR("an error without a text");
    } else if (!(*left == original().contents)) {
      CAF_ERROR("EVENTY_TEST_SEED=" << seed << ": " << file.filename() << " byte " << at << " mask "
                                    << int(mask) << ": opened with other data, quietly");
    }
    const bool is_told =
        !left && (left.error().code == ErrorCode::corrupt || left.error().code == ErrorCode::io);
    if (!left && !is_told)
      CAF_MESSAGE(file.filename() << " byte " << at << " mask " << int(mask) << ": " << left.error().message);
    CAF_CHECK(left.ok() || is_told);
  }
  for (const Kind kind : {Kind::log, Kind::table, Kind::blob, Kind::manifest}) CAF_CHECK(found[kind] > 0);
}

CAF_TEST(damaged_records_are_named_by_topic_partition_and_offset) {
  const auto files = files_by_kind(original().path());
  Folder copy;
  original().copy_to(copy.path());
  for (const auto& name : files.at(Kind::blob)) {
    const auto file = copy.path() / "db" / name;
    flip(file, fs::file_size(file) / 2, 1);
  }
  auto left = contents_in(copy.path());
  CAF_REQUIRE(!left.ok());
  CAF_MESSAGE(left.error().message);
  CAF_CHECK(left.error().code == ErrorCode::corrupt);
  for (const char* part : {"topic ", "partition ", "offset "})
    CAF_CHECK(left.error().message.find(part) != std::string::npos);
  CAF_CHECK(left.error().message.find(copy.path().string()) != std::string::npos);
}

CAF_TEST(a_missing_file_is_an_error) {
  for (const auto& [kind, names] : files_by_kind(original().path())) {
    for (const auto& name : names) {
      Folder copy;
      original().copy_to(copy.path());
      fs::remove(copy.path() / "db" / name);
      auto left = contents_in(copy.path());
      CAF_CHECK(!left.ok() || *left == original().contents);
      if (kind != Kind::log) CAF_CHECK(!left.ok());
    }
  }
}

CAF_TEST(a_log_cut_within_acknowledged_cycles_is_refused) {
  const auto names = files_by_kind(original().path()).at(Kind::log);
  auto last = *std::max_element(names.begin(), names.end());
  const auto size = fs::file_size(original().path() / "db" / last);
  int refused = 0;
  for (int i = 0; i < 20; ++i) {
    Folder copy;
    original().copy_to(copy.path());
    fs::resize_file(copy.path() / "db" / last, size * static_cast<unsigned>(i) / 20);
    auto left = contents_in(copy.path());
    if (!left) ++refused;
    CAF_CHECK(!left.ok() || *left == original().contents);
    if (!left) CAF_CHECK(left.error().code == ErrorCode::corrupt);
  }
  CAF_CHECK(refused >= 19);
}

CAF_TEST(a_torn_write_behind_the_acknowledged_ones_is_cut_off) {
  const auto names = files_by_kind(original().path()).at(Kind::log);
  auto last = *std::max_element(names.begin(), names.end());
  const std::string log = text_in(original().path() / "db" / last);
  std::mt19937_64 random(7);
  for (const std::size_t size : {1u, 6u, 7u, 100u, 5'000u}) {
    Folder copy;
    original().copy_to(copy.path());
    // The head of a record, whose end never came.
    write_text(copy.path() / "db" / last, log + log.substr(0, std::min(size, log.size() / 2)));
    auto left = contents_in(copy.path());
    CAF_CHECK(!left.ok() || *left == original().contents);
    original().copy_to(copy.path());
    write_text(copy.path() / "db" / last, log + std::string(size, '\0'));
    left = contents_in(copy.path());
    CAF_CHECK(left.ok() && *left == original().contents);
  }
}

CAF_TEST(damaged_or_missing_side_files_are_errors) {
  struct Try {
    const char* file;
    const char* text;
    ErrorCode code;
  };
  for (const Try& t :
       {Try{"format", "eventy-rocksdb 2\n", ErrorCode::newer_format},
        Try{"format", "eventy-rocksdb 999999999999\n", ErrorCode::corrupt},
        Try{"format", "something else\n", ErrorCode::corrupt}, Try{"format", "", ErrorCode::corrupt},
        Try{"cycle", "0123456789abcdef", ErrorCode::corrupt}, Try{"cycle", "0123", ErrorCode::corrupt}}) {
    Folder copy;
    original().copy_to(copy.path());
    write_text(copy.path() / t.file, t.text);
    for (const auto access : {rocksdb::Access::read_write, rocksdb::Access::read_only}) {
      auto left = contents_in(copy.path(), access);
      CAF_REQUIRE(!left.ok());
      CAF_CHECK(left.error().code == t.code);
      CAF_CHECK(left.error().message.find(copy.path().string()) != std::string::npos);
    }
  }
  Folder copy;
  original().copy_to(copy.path());
  fs::remove(copy.path() / "format");
  CAF_CHECK(!contents_in(copy.path()).ok());
}

CAF_TEST(after_a_kill_everything_acknowledged_is_there) {
  Folder copy;
  original().copy_to(copy.path());
  for (int start = 0; start < 3; ++start) {
    auto left =
        contents_in(copy.path(), start == 0 ? rocksdb::Access::read_only : rocksdb::Access::read_write);
    CAF_REQUIRE(left.ok());
    CAF_CHECK(*left == original().contents);
  }
}
