#include "database.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "checksum.hpp"
#include "keys.hpp"

namespace eventy::rocksdb::detail {
namespace {

constexpr int background_jobs = 2;
constexpr int buffers_per_family = 3;
constexpr std::uint64_t min_blob_size = 2u << 10;
constexpr std::size_t small_buffer_size = 4u << 20;
constexpr double filter_bits_per_key = 10;
constexpr int read_attempts = 20;
constexpr std::chrono::milliseconds read_pause{50};

::rocksdb::DBOptions database_options(const Options& options) {
  ::rocksdb::DBOptions o;
  o.create_if_missing = true;
  o.create_missing_column_families = true;
  o.paranoid_checks = true;
  // Cuts a torn tail and refuses most else; the cycle file catches what it lets through.
  o.wal_recovery_mode = ::rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  o.max_total_wal_size = options.max_log_size;
  o.max_background_jobs = background_jobs;
  o.max_open_files = -1;
  o.allow_concurrent_memtable_write = false;  // one writer
  o.bytes_per_sync = 1u << 20;
  o.info_log_level = ::rocksdb::InfoLogLevel::WARN_LEVEL;
  o.max_log_file_size = 1u << 20;
  o.keep_log_file_num = 4;
  o.stats_dump_period_sec = 0;
  o.stats_persist_period_sec = 0;
  return o;
}

::rocksdb::ColumnFamilyOptions family_options(std::size_t buffer,
                                              const std::shared_ptr<::rocksdb::Cache>& cache) {
  ::rocksdb::ColumnFamilyOptions o;
  o.write_buffer_size = buffer;
  o.max_write_buffer_number = buffers_per_family;
  ::rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(::rocksdb::NewBloomFilterPolicy(filter_bits_per_key));
  table.format_version = 5;
  o.table_factory.reset(::rocksdb::NewBlockBasedTableFactory(table));
  o.compression = ::rocksdb::kLZ4Compression;
  return o;
}

std::vector<::rocksdb::ColumnFamilyDescriptor> families(const Options& options) {
  auto cache = ::rocksdb::NewLRUCache(options.cache_size);
  auto records = family_options(options.write_buffer_size, cache);
  records.enable_blob_files =
      true;  // large chunks are written to files once, compaction moves only their places
  records.min_blob_size = min_blob_size;
  records.blob_compression_type = ::rocksdb::kNoCompression;
  return {{::rocksdb::kDefaultColumnFamilyName, family_options(small_buffer_size, cache)},
          {"records", records},
          {"state", family_options(options.state_buffer_size, cache)},
          {"positions", family_options(small_buffer_size, cache)}};
}

// Opening and asking who holds the lock must not interleave within a process: see lock_holder().
std::mutex& opening() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const Options& options) {
  use_fast_checksum();
  std::unique_ptr<Database> database(new Database(options));
  auto opened = database->writable() ? database->open_for_writing() : database->open_for_reading();
  if (!opened) return opened.error();
  return database;
}

Result<void> Database::open_for_writing() {
  if (auto prepared = prepare_folder(options_.path); !prepared) return prepared;
  {
    std::lock_guard lock(opening());
    ::rocksdb::DB* db = nullptr;
    const auto status =
        ::rocksdb::DB::Open(database_options(options_), database_folder(options_.path).string(),
                            families(options_), &handles_, &db);
    if (!status.ok()) return open_error(status);
    db_.reset(db);
  }
  // Read under the database's lock: until then another process may have been writing.
  auto acknowledged = read_acknowledged(options_.path);
  if (!acknowledged) return acknowledged.error();
  if (auto checked = check_acknowledged(*acknowledged); !checked) return checked;
  auto number = recovered();
  if (!number) return number.error();
  number_ = *number;
  return acknowledged_.open(options_.path);
}

Result<void> Database::open_for_reading() {
  if (auto checked = check_folder(options_.path); !checked) return checked;
  std::error_code error;
  auto pattern = (std::filesystem::temp_directory_path(error) / "eventy-reader-XXXXXX").string();
  if (error || !::mkdtemp(pattern.data()))
    return system_error(errno, "cannot create a temporary folder " + pattern);
  secondary_ = pattern;
  // Files that the writer replaces between two steps of opening are no corruption: try again.
  for (int attempt = 1;; ++attempt) {
    auto opened = try_reading();
    if (opened || attempt == read_attempts || opened.error().code == ErrorCode::permission_denied)
      return opened;
    close();
    std::this_thread::sleep_for(read_pause);
  }
}

Result<void> Database::try_reading() {
  auto acknowledged = read_acknowledged(options_.path);
  if (!acknowledged) return acknowledged.error();
  auto o = database_options(options_);
  o.create_if_missing = o.create_missing_column_families = false;
  ::rocksdb::DB* db = nullptr;
  const auto status = ::rocksdb::DB::OpenAsSecondary(o, database_folder(options_.path).string(),
                                                     secondary_.string(), families(options_), &handles_, &db);
  if (!status.ok()) return open_error(status);
  db_.reset(db);
  return check_acknowledged(*acknowledged);
}

Result<std::uint64_t> Database::recovered() const {
  auto value = get(meta(), cycle_key);
  if (!value) return value.error();
  return *value && (*value)->size() == 8 ? get64(**value) : std::uint64_t{0};
}

Result<void> Database::check_acknowledged(std::uint64_t acknowledged) {
  auto number = recovered();
  if (!number) return number.error();
  if (*number >= acknowledged) return {};
  return Error{ErrorCode::corrupt,
               "the database in " + options_.path.string() + " gave back its writes up to number " +
                   std::to_string(*number) + ", but number " + std::to_string(acknowledged) +
                   " had been acknowledged: its log is damaged. Use a copy; or remove the file " +
                   (options_.path / "cycle").string() + " to go on without what is lost"};
}

Result<void> Database::refresh() const {
  if (writable()) return {};
  std::lock_guard lock(refreshing_);
  for (int attempt = 1;; ++attempt) {
    const auto status = db_->TryCatchUpWithPrimary();
    if (status.ok()) return {};
    if (attempt == read_attempts) return error(status, "cannot follow the writer");
    std::this_thread::sleep_for(read_pause);
  }
}

Result<void> Database::write(::rocksdb::WriteBatch& batch) {
  if (!writable())
    return Error{ErrorCode::permission_denied, options_.path.string() + " is open for reading only"};
  if (stopped_) {
    const auto status = db_->Resume();
    if (!status.ok()) return error(status, "cannot go on after a failed write");
    stopped_ = false;
  }
  ::rocksdb::WriteOptions how;
  how.sync = options_.sync;
  auto status = batch.Put(meta(), cycle_key, value64(number_ + 1));
  if (status.ok()) status = db_->Write(how, &batch);
  if (!status.ok()) {
    stopped_ = true;
    return error(status, "cannot write");
  }
  ++number_;
  // The write is safe; a cycle file that stays behind only checks less.
  if (options_.sync) (void)acknowledged_.write(number_).ok();
  return {};
}

Result<std::optional<std::string>> Database::get(::rocksdb::ColumnFamilyHandle* family,
                                                 std::string_view key) const {
  std::string value;
  const auto status = db_->Get({}, family, slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return error(status, "cannot read " + family->GetName());
  return std::optional(std::move(value));
}

Error Database::error(const ::rocksdb::Status& status, const std::string& what) const {
  ErrorCode code = ErrorCode::io;
  const std::string text = status.ToString();
  if (status.IsCorruption() || status.IsPathNotFound()) code = ErrorCode::corrupt;
  if (status.IsNoSpace() || text.find("No space left") != std::string::npos) code = ErrorCode::no_space;
  if (text.find("Permission denied") != std::string::npos) code = ErrorCode::permission_denied;
  return {code, options_.path.string() + ": " + what + ": " + text};
}

Error Database::open_error(const ::rocksdb::Status& status) const {
  const std::string text = status.ToString();
  if (text.find("lock hold by current process") != std::string::npos)
    return {ErrorCode::busy, "the data in " + options_.path.string() + " is already open in this process, " +
                                 std::to_string(::getpid())};
  if (text.find("While lock file") != std::string::npos &&
      text.find("Permission denied") == std::string::npos) {
    const int holder = lock_holder(options_.path);
    return {ErrorCode::busy,
            "the data in " + options_.path.string() + " is open for writing in " +
                (holder ? "process " + std::to_string(holder) : std::string("another process")) +
                ": stop it, or use another folder"};
  }
  Error result = error(status, "cannot open the database");
  // RocksDB finds a damaged or missing file in several ways.
  if (status.IsInvalidArgument() || status.IsNotSupported()) result.code = ErrorCode::corrupt;
  return result;
}

void Database::close() {
  if (!db_) return;
  if (writable() && !options_.sync && !stopped_ && db_->FlushWAL(true).ok() && db_->SyncWAL().ok())
    (void)acknowledged_.write(number_).ok();
  for (auto* handle : handles_) (void)db_->DestroyColumnFamilyHandle(handle).ok();
  handles_.clear();
  (void)db_->Close().ok();
  db_.reset();
}

Database::~Database() {
  close();
  std::error_code ignored;
  if (!secondary_.empty()) std::filesystem::remove_all(secondary_, ignored);
}

}  // namespace eventy::rocksdb::detail
