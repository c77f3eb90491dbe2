#include "database.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "eventy/store/open_files.hpp"
#include "gap_detector.hpp"
#include "keys.hpp"

namespace eventy::rocksdb::detail {
namespace {

constexpr int background_jobs = 2;
constexpr int buffers_per_family = 3;
constexpr std::uint64_t min_blob_size = 2u << 10;
// Records go to blob files once they fill 1/blob_share of their buffer.
constexpr std::size_t blob_share = 8;
// Opening merges the files of records if there are more than many_files, of less than small_file on average.
constexpr std::uint64_t many_files = 128, small_file = 256u << 10;
constexpr std::size_t small_buffer_size = 4u << 20;
constexpr std::size_t spare_room = 2u << 20;  // for manifests, RocksDB's info log and the cycle file
constexpr double filter_bits_per_key = 10;
constexpr std::uint64_t files_of_its_own = 24;  // logs, manifests, outputs of flushes and compactions
constexpr int read_attempts = 20;
constexpr std::chrono::milliseconds read_pause{50};

::rocksdb::DBOptions database_options(const Options& options) {
  ::rocksdb::DBOptions o;
  o.create_if_missing = true;
  o.create_missing_column_families = true;
  o.paranoid_checks = true;
  // Truncates a torn tail and refuses most other damage; the cycle file detects the rest.
  o.wal_recovery_mode = ::rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  o.max_total_wal_size = options.max_log_bytes;
  o.max_background_jobs = background_jobs;
  o.max_open_files = static_cast<int>(cached_files());
  o.track_and_verify_wals_in_manifest = true;  // a missing log file is an error
  o.allow_concurrent_memtable_write = false;   // there is one writer
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

std::vector<::rocksdb::ColumnFamilyDescriptor> families(const Options& options, bool blob_files) {
  auto cache = ::rocksdb::NewLRUCache(options.cache_size);
  auto records = family_options(options.write_buffer_size, cache);
  records.enable_blob_files = blob_files;
  records.min_blob_size = min_blob_size;
  records.blob_compression_type = ::rocksdb::kNoCompression;
  return {{::rocksdb::kDefaultColumnFamilyName, family_options(small_buffer_size, cache)},
          {"records", records},
          {"state", family_options(options.state_buffer_size, cache)},
          {"positions", family_options(small_buffer_size, cache)}};
}

bool are_small(std::uint64_t files, std::uint64_t bytes) {
  return files > many_files && bytes / files < small_file;
}

bool is_log(const std::string& name) { return name.ends_with(".log"); }

// Within a process, opening must not overlap with asking for the lock's holder: see lock_holder().
std::mutex& opening() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const Options& options) {
  if (auto checked =
          check_open_files(min_cached_files + files_of_its_own, "the store in " + options.path.string());
      !checked)
    return checked.error();
  std::unique_ptr<Database> database(new Database(options));
  auto opened = database->writable() ? database->open_for_writing() : database->open_for_reading();
  if (!opened) return opened.error();
  return database;
}

View::~View() {
  if (!db) return;
  for (auto* handle : handles) (void)db->DestroyColumnFamilyHandle(handle).ok();
  (void)db->Close().ok();
}

Result<void> Database::open_for_writing() {
  if (auto prepared = prepare_folder(options_.path); !prepared) return prepared;
  auto view = std::make_shared<View>();
  {
    std::lock_guard lock(opening());
    auto o = database_options(options_);
    o.listeners.push_back(log_);
    blob_files_ = log_bytes() >= options_.write_buffer_size / blob_share;
    const auto status = open_without_gap(std::move(o), database_folder(options_.path).string(),
                                         families(options_, blob_files_), cycle_key, view->handles, view->db);
    if (!status.ok()) return open_error(status);
  }
  view_ = view;
  // Read under the database's lock: before that, another process may still write.
  auto acknowledged = read_acknowledged(options_.path);
  if (!acknowledged) return acknowledged.error();
  const auto number = last_write(*view_, *acknowledged);
  if (!number) return number.error();
  number_ = *number;
  if (auto opened = acknowledged_.open(options_.path); !opened) return opened;
  return merge_small_files();
}

std::uint64_t Database::log_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [name, size] : files_now())
    if (is_log(name)) bytes += size;
  return bytes;
}

// Large chunks are written to blob files once, and compaction moves only references to them. But blob files
// never merge, so small amounts of records stay in the tables, which do.
void Database::use_blob_files() {
  std::uint64_t in_memory = 0;
  (void)view_->db->GetIntProperty(family(Family::records), ::rocksdb::DB::Properties::kCurSizeActiveMemTable,
                                  &in_memory);
  if (in_memory < options_.write_buffer_size / blob_share) return;
  // If this fails, compaction has more to move.
  blob_files_ = view_->db->SetOptions(family(Family::records), {{"enable_blob_files", "true"}}).ok();
}

// RocksDB merges only tables whose keys overlap, and never blob files. Tables of successive appends to one
// partition do not overlap, and earlier versions wrote a blob file in each process, however little it stored.
Result<void> Database::merge_small_files() {
  using Properties = ::rocksdb::DB::Properties;
  const auto number = [&](const std::string& property) {
    std::uint64_t value = 0;
    (void)view_->db->GetIntProperty(family(Family::records), property, &value);
    return value;
  };
  ::rocksdb::ColumnFamilyMetaData tables;
  view_->db->GetColumnFamilyMetaData(family(Family::records), &tables);
  const auto blobs = number(Properties::kNumBlobFiles), blob_bytes = number(Properties::kTotalBlobFileSize);
  const bool merge_blobs = are_small(blobs, blob_bytes);
  if (!merge_blobs && !are_small(tables.file_count, tables.size)) return {};
  if (!check_room(tables.size + (merge_blobs ? blob_bytes : 0))) return {};
  ::rocksdb::CompactRangeOptions how;
  how.bottommost_level_compaction = ::rocksdb::BottommostLevelCompaction::kForce;
  if (merge_blobs) {
    how.blob_garbage_collection_policy = ::rocksdb::BlobGarbageCollectionPolicy::kForce;
    how.blob_garbage_collection_age_cutoff = 1;  // all blob files
  }
  const auto status = view_->db->CompactRange(how, family(Family::records), nullptr, nullptr);
  if (!status.ok()) return error(status, "cannot merge the small files of records");
  return {};
}

Result<void> Database::open_for_reading() {
  if (auto checked = check_folder(options_.path); !checked) return checked;
  std::error_code error;
  auto pattern = (std::filesystem::temp_directory_path(error) / "eventy-reader-XXXXXX").string();
  if (error || !::mkdtemp(pattern.data()))
    return system_error(errno, "cannot create a temporary folder " + pattern);
  log_folder_ = pattern;
  auto view = read_view();
  if (!view) return view.error();
  view_ = *view;
  return {};
}

// Names and sizes of the logs and the manifest: every write changes them.
std::map<std::string, std::uintmax_t> Database::files_now() const {
  std::map<std::string, std::uintmax_t> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(database_folder(options_.path), error), end;
       !error && it != end; it.increment(error)) {
    const auto name = it->path().filename().string();
    if (name.starts_with("MANIFEST") || is_log(name)) files[name] = it->file_size(error);
  }
  return files;
}

// Retries, because the writer may replace files between two steps of opening; that is not damage.
Result<std::shared_ptr<const View>> Database::read_view() const {
  for (int attempt = 1;; ++attempt) {
    auto view = try_view();
    if (view || attempt == read_attempts || view.error().code == ErrorCode::permission_denied) return view;
    std::this_thread::sleep_for(read_pause);
  }
}

Result<std::shared_ptr<const View>> Database::try_view() const {
  auto acknowledged = read_acknowledged(options_.path);
  if (!acknowledged) return acknowledged.error();
  auto o = database_options(options_);
  o.create_if_missing = o.create_missing_column_families = false;
  o.db_log_dir = log_folder_.string();
  auto view = std::make_shared<View>();
  view->files = files_now();
  ::rocksdb::DB* db = nullptr;
  const auto status = ::rocksdb::DB::OpenForReadOnly(o, database_folder(options_.path).string(),
                                                     families(options_, true), &view->handles, &db);
  if (!status.ok()) return open_error(status);
  view->db.reset(db);
  // RocksDB reads the manifest first and the logs after it. Data that moved from a log to a table in between
  // is in neither. Then that log, or an older one, is gone by now, because logs are removed in order.
  const auto now = files_now();
  for (const auto& [name, size] : view->files) {
    if (is_log(name) && !now.contains(name))
      return Error{ErrorCode::busy,
                   options_.path.string() + ": the writer replaced files while this process read them"};
  }
  if (auto number = last_write(*view, *acknowledged); !number) return number.error();
  return std::shared_ptr<const View>(std::move(view));
}

std::shared_ptr<const View> Database::view() const {
  if (writable()) return view_;
  std::lock_guard lock(view_mutex_);
  return view_;
}

Result<void> Database::refresh() {
  if (writable()) return {};
  std::lock_guard refreshing(refreshing_);
  if (files_now() == view()->files) return {};
  auto fresh = read_view();
  if (!fresh) return fresh.error();
  std::lock_guard lock(view_mutex_);
  view_ = *fresh;
  return {};
}

Result<std::uint64_t> Database::last_write(const View& view, std::uint64_t acknowledged) const {
  auto value = get(view, Family::meta, cycle_key);
  if (!value) return value.error();
  const std::uint64_t number = *value && (*value)->size() == 8 ? get64(**value) : 0;
  if (number >= acknowledged) return number;
  return Error{ErrorCode::corrupt,
               "the database in " + options_.path.string() + " recovered its writes up to number " +
                   std::to_string(number) + ", but number " + std::to_string(acknowledged) +
                   " was acknowledged: its log is damaged. Restore a backup; or remove the file " +
                   (options_.path / "cycle").string() + " to continue without the lost writes"};
}

Result<void> Database::write(::rocksdb::WriteBatch& batch) {
  if (!writable())
    return Error{ErrorCode::permission_denied, options_.path.string() + " is open for reading only"};
  if (log_->failed()) return *stopped_;
  if (auto room = check_room(batch.GetDataSize()); !room) return room;
  if (stopped_) {
    const auto status = view_->db->Resume();
    if (status.IsBusy()) return *stopped_;  // RocksDB itself checks for free space every 5 s
    if (!status.ok()) return error(status, "cannot resume after a failed write");
    stopped_.reset();
  }
  if (!blob_files_) use_blob_files();
  ::rocksdb::WriteOptions how;
  how.sync = options_.sync;
  auto status = batch.Put(family(Family::meta), cycle_key, value64(number_ + 1));
  if (status.ok()) status = view_->db->Write(how, &batch);
  if (!status.ok()) {
    stopped_ = error(status, "cannot write");
    if (log_->failed())
      stopped_ =
          Error{ErrorCode::io, stopped_->message + ". The log may end in a torn write: restart the process"};
    return *stopped_;
  }
  ++number_;
  // The write is safe. An old number in the cycle file only makes its check weaker.
  if (options_.sync) (void)acknowledged_.write(number_).ok();
  return {};
}

Result<void> Database::check_room(std::size_t batch_bytes) const {
  struct statvfs disk {};
  if (::statvfs(options_.path.c_str(), &disk) != 0) return system_error(errno, options_.path.string());
  std::uint64_t in_memory = 0;
  (void)view_->db->GetAggregatedIntProperty(::rocksdb::DB::Properties::kCurSizeAllMemTables, &in_memory);
  const std::uint64_t room = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  // The batch goes to the log now, and to table files later, with everything that is in memory.
  const std::uint64_t needed = in_memory + 2 * std::uint64_t{batch_bytes} + spare_room;
  if (room >= needed) return {};
  return Error{ErrorCode::no_space, options_.path.string() + ": " + std::to_string(room >> 20) +
                                        " MiB are free on its disk, and " +
                                        std::to_string((needed >> 20) + 1) +
                                        " are needed, also for what is still in memory"};
}

Result<std::optional<std::string>> Database::get(Family family, std::string_view key) const {
  return get(*view(), family, key);
}

Result<std::optional<std::string>> Database::get(const View& view, Family family,
                                                 std::string_view key) const {
  std::string value;
  const auto status = view.db->Get({}, view.family(family), slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return error(status, "cannot read " + view.family(family)->GetName());
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
  // RocksDB reports a damaged or missing file in several ways.
  if (status.IsInvalidArgument() || status.IsNotSupported()) result.code = ErrorCode::corrupt;
  return result;
}

Database::~Database() {
  if (view_ && writable() && !options_.sync && !stopped_ && view_->db->FlushWAL(true).ok())
    (void)acknowledged_.write(number_).ok();
  // Flushes, so that the next opening has no log to read. After a failure, the data is safe in the log.
  if (view_ && writable() && !stopped_) (void)view_->db->Flush({}, view_->handles).ok();
  view_.reset();
  std::error_code ignored;
  if (!log_folder_.empty()) std::filesystem::remove_all(log_folder_, ignored);
}

}  // namespace eventy::rocksdb::detail
