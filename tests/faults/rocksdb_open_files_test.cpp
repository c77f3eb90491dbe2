// How many files the databases hold open, and what becomes of many small ones. The limit is set for this
// process while a store is used.
// ctest: TIMEOUT 120
#define CAF_SUITE rocksdb_open_files

#include "rocksdb_support.hpp"

#include "eventy/rocksdb/local_state.hpp"
#include "eventy/store/open_files.hpp"

#include "caf/test/unit_test.hpp"

#include <rocksdb/db.h>
#include <sys/resource.h>

using namespace eventy;
using namespace eventy::faults;

namespace {

// Of this process: those that are open now, and so many more.
class OpenFilesLimit {
 public:
  explicit OpenFilesLimit(std::uint64_t more) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit limit{open_files().open + more, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  OpenFilesLimit(const OpenFilesLimit&) = delete;
  OpenFilesLimit& operator=(const OpenFilesLimit&) = delete;
  ~OpenFilesLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

constexpr std::uint64_t enough_for_a_store = 100;
constexpr std::size_t max_small_files = 128;
const std::string small_record(5'000, 'r');

void feed(const fs::path& folder, int number) {
  auto store = eventy::rocksdb::open(options_of(folder)).value();
  store->ensure_topics({{"in", 1}}).value();
  store->append("in", {{.key = "key", .value = std::to_string(number) + small_record}}).value();
}

void check_feeds(RecordStore& store, int feeds) {
  const auto values = values_of_log(store, "in", 0);
  if (!values) CAF_MESSAGE(values.error().message);
  CAF_REQUIRE(values.ok());
  CAF_REQUIRE_EQUAL(values->size(), static_cast<std::size_t>(feeds));
  std::size_t right = 0;
  for (std::size_t i = 0; i < values->size(); ++i) right += (*values)[i] == std::to_string(i) + small_record;
  CAF_CHECK_EQUAL(right, values->size());
}

std::size_t files_of(const fs::path& folder, const std::string& extension) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder / "db"))
    count += entry.path().extension() == extension;
  return count;
}

// As earlier versions left it: a blob file for the record of each feed.
void spread_over_blob_files(const fs::path& folder) {
  ::rocksdb::ColumnFamilyOptions options;
  options.enable_blob_files = true;
  options.disable_auto_compactions = true;
  std::vector<::rocksdb::ColumnFamilyDescriptor> families;
  for (const char* name : {"default", "records", "state", "positions"}) families.emplace_back(name, options);
  std::vector<::rocksdb::ColumnFamilyHandle*> handles;
  ::rocksdb::DB* db = nullptr;
  CAF_REQUIRE(::rocksdb::DB::Open({}, (folder / "db").string(), families, &handles, &db).ok());
  {
    const std::unique_ptr<::rocksdb::Iterator> it(db->NewIterator({}, handles[1]));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      const bool spread =
          db->Put({}, handles[1], it->key(), it->value()).ok() && db->Flush({}, handles[1]).ok();
      if (!spread) throw std::runtime_error("cannot write a blob file");
    }
  }
  CAF_REQUIRE(db->CompactRange({}, handles[1], nullptr, nullptr).ok());  // the tables, not the blobs
  for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
  delete db;
}

}  // namespace

CAF_TEST(many_small_feeds_are_few_files) {
  constexpr int feeds = 150;
  Folder folder;
  for (int i = 0; i < feeds; ++i) feed(folder.path(), i);
  CAF_CHECK_EQUAL(files_of(folder.path(), ".blob"), 0u);
  const auto tables = files_of(folder.path(), ".sst");
  CAF_MESSAGE(tables << " tables");
  CAF_CHECK(tables < max_small_files);
  const OpenFilesLimit limit(enough_for_a_store);
  check_feeds(*eventy::rocksdb::open(options_of(folder.path())).value(), feeds);
}

CAF_TEST(records_that_fill_much_of_their_buffer_have_a_file_of_their_own) {
  Folder folder;
  auto options = options_of(folder.path());
  options.write_buffer_size = 1u << 20;
  {
    auto store = eventy::rocksdb::open(options).value();
    store->ensure_topics({{"in", 1}}).value();
    for (int i = 0; i < 100; ++i)
      store->append("in", {{.key = "key", .value = std::to_string(i) + small_record}}).value();
  }
  CAF_CHECK_EQUAL(files_of(folder.path(), ".blob"), 1u);
  check_feeds(*eventy::rocksdb::open(options).value(), 100);
}

CAF_TEST(more_files_than_may_be_open_are_read_one_after_the_other) {
  constexpr int feeds = 120;
  Folder folder;
  for (int i = 0; i < feeds; ++i) feed(folder.path(), i);
  spread_over_blob_files(folder.path());
  const OpenFilesLimit limit(enough_for_a_store);
  { check_feeds(*eventy::rocksdb::open(options_of(folder.path())).value(), feeds); }
  CAF_CHECK_EQUAL(files_of(folder.path(), ".blob"), static_cast<std::size_t>(feeds));
  auto reader = options_of(folder.path());
  reader.access = eventy::rocksdb::Access::read_only;
  check_feeds(*eventy::rocksdb::open(reader).value(), feeds);
}

CAF_TEST(small_files_of_an_earlier_version_are_merged) {
  constexpr int feeds = 150;
  Folder folder;
  for (int i = 0; i < feeds; ++i) feed(folder.path(), i);
  spread_over_blob_files(folder.path());
  CAF_REQUIRE_EQUAL(files_of(folder.path(), ".blob"), static_cast<std::size_t>(feeds));
  { check_feeds(*eventy::rocksdb::open(options_of(folder.path())).value(), feeds); }
  CAF_CHECK_EQUAL(files_of(folder.path(), ".blob"), 0u);
  check_feeds(*eventy::rocksdb::open(options_of(folder.path())).value(), feeds);
}

CAF_TEST(copies_of_many_partitions_are_one_database) {
  constexpr std::uint32_t partitions_of_many = 500;
  Folder folder;
  const OpenFilesLimit limit(enough_for_a_store);
  for (int start = 0; start < 3; ++start) {
    const auto before = open_files().open;
    const auto open = eventy::rocksdb::local_state({.folder = folder.path()}).value();
    std::vector<std::unique_ptr<LocalState>> all;
    for (std::uint32_t p = 0; p < partitions_of_many; ++p) {
      all.push_back(open("counter", PartitionId{p}).value());
      CAF_REQUIRE_EQUAL(all.back()->place().value().next.value, start);
      const LocalState::Change change{"key", small_record};
      all.back()->apply({&change, 1}, {.next = Offset{start + 1}}).value();
    }
    CAF_MESSAGE(open_files().open - before << " files are open");
  }
}

CAF_TEST(a_limit_that_is_too_low_is_refused_with_the_number_to_set) {
  Folder folder;
  feed(folder.path(), 0);
  {
    const OpenFilesLimit limit(40);
    const auto refused = eventy::rocksdb::open(options_of(folder.path()));
    CAF_REQUIRE(!refused);
    CAF_MESSAGE(refused.error().message);
    CAF_CHECK(refused.error().code == ErrorCode::configuration);
    CAF_CHECK(refused.error().message.find("raise the limit to 256") != std::string::npos);
    const auto copies = eventy::rocksdb::local_state({.folder = folder.path() / "copies"});
    CAF_REQUIRE(!copies);
    CAF_MESSAGE(copies.error().message);
    CAF_CHECK(copies.error().code == ErrorCode::configuration);
  }
  check_feeds(*eventy::rocksdb::open(options_of(folder.path())).value(), 1);
}
