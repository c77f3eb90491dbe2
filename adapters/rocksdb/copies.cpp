#include "copies.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <fstream>

#include "copy_keys.hpp"
#include "eventy/store/open_files.hpp"
#include "folder.hpp"
#include "gap_detector.hpp"

namespace eventy::rocksdb::detail {
namespace {

namespace fs = std::filesystem;

constexpr int background_jobs = 2;
constexpr int buffers = 3;  // one takes writes, the others are being flushed
constexpr double filter_bits_per_key = 10;
constexpr std::size_t smallest_shard = 8u << 20;  // of the cache
constexpr std::size_t spare_room = 2u << 20;      // free disk space for manifests and RocksDB's info log
constexpr std::uint64_t files_of_its_own = 24;    // logs, manifests, outputs of flushes and compactions

// By default RocksDB makes shards of 1 MiB, half of it for filters and indexes. Those of a large table do not
// fit, so RocksDB would read them again for each key.
int shard_bits(std::size_t cache_size) {
  int bits = 0;
  while (bits < 6 && cache_size >> (bits + 1) >= smallest_shard) ++bits;
  return bits;
}

fs::path damage_note(const fs::path& path) { return path / "damaged"; }

bool shows_damage(const ::rocksdb::Status& status) {
  return status.IsCorruption() || status.IsPathNotFound() || status.IsInvalidArgument() ||
         status.IsNotSupported();
}

std::shared_ptr<::rocksdb::TableFactory> tables(const std::shared_ptr<::rocksdb::Cache>& cache) {
  ::rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  // Otherwise they stay in memory for every file, whatever the cache's size.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(::rocksdb::NewBloomFilterPolicy(filter_bits_per_key));
  table.format_version = 5;
  return std::shared_ptr<::rocksdb::TableFactory>(::rocksdb::NewBlockBasedTableFactory(table));
}

}  // namespace

Copies::Copies(const LocalStateOptions& options)
    : options_(options), cache_(::rocksdb::NewLRUCache(options.cache_size, shard_bits(options.cache_size))) {}

Result<std::shared_ptr<Copies>> Copies::open(const LocalStateOptions& options) {
  if (auto checked = check_open_files(min_cached_files + files_of_its_own,
                                      "the local copies of states in " + options.folder.string());
      !checked)
    return checked.error();
  auto folder = CopiesFolder::take(options.folder);
  if (!folder) return folder.error();
  std::shared_ptr<Copies> copies(new Copies(options));
  copies->folder_ = *std::move(folder);
  copies->path_ = copies->folder_->database();
  auto earlier = copies->folder_->remove_earlier_copies();
  if (!earlier) return earlier.error();
  if (*earlier > 0)
    copies->tell_rebuild(std::to_string(*earlier) + " local copies in " + options.folder.string() +
                         " have the format of an earlier version");
  return copies;
}

::rocksdb::Options Copies::database_options() const {
  ::rocksdb::Options o;
  o.create_if_missing = true;
  o.paranoid_checks = true;
  // Replays what a power failure left of the log files, up to the first gap: older states with their places.
  o.wal_recovery_mode = ::rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  o.write_buffer_size = std::max<std::size_t>(options_.write_buffer_size / buffers, 1);
  o.max_write_buffer_number = buffers;
  o.allow_concurrent_memtable_write = false;  // there is one writer, and the insert hint requires it
  o.memtable_insert_with_hint_prefix_extractor.reset(::rocksdb::NewFixedPrefixTransform(copy_prefix_size));
  o.max_background_jobs = background_jobs;
  o.max_open_files = static_cast<int>(cached_files());
  o.level_compaction_dynamic_level_bytes = true;
  o.bytes_per_sync = 1u << 20;
  o.skip_stats_update_on_db_open = true;
  o.info_log_level = ::rocksdb::InfoLogLevel::WARN_LEVEL;
  o.max_log_file_size = 1u << 20;
  o.keep_log_file_num = 2;
  o.stats_dump_period_sec = 0;
  o.stats_persist_period_sec = 0;
  o.compression = ::rocksdb::kLZ4Compression;
  o.table_factory = tables(cache_);
  return o;
}

Result<CopyId> Copies::id_of(const std::string& service, PartitionId partition) {
  std::lock_guard lock(writer_);
  if (ended_) return closed();
  if (damaged_ || !db_) {
    std::unique_lock gate(gate_);
    close_database();
    if (auto opened = open_or_rebuild(); !opened) {
      close_database();
      return opened.error();
    }
  }
  const auto name = copy_name_key(service, partition.value);
  if (const auto known = numbers_.find(name); known != numbers_.end())
    return CopyId{generation_, known->second};
  const auto number = add(name);
  if (!number) return number.error();
  return CopyId{generation_, *number};
}

// Copies keep their numbers, so the number after the last one is free.
Result<std::uint32_t> Copies::add(const std::string& name) {
  const auto number = static_cast<std::uint32_t>(numbers_.size() + 1);
  ::rocksdb::WriteBatch batch;
  auto status = batch.Put(name, value32(number));
  if (status.ok()) status = batch.Put(place_key(number), place_record({}));
  if (!status.ok()) return error(status, "cannot add a copy");
  if (auto written = write_next(batch); !written) return written.error();
  numbers_.emplace(name, number);
  return number;
}

Result<std::optional<std::string>> Copies::get(CopyId copy, const ::rocksdb::Slice& key) const {
  std::shared_lock gate(gate_);
  if (copy.generation != generation_) return removed();
  if (!db_) return closed();
  std::string value;
  const auto status = db_->Get({}, key, &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return error(status, "cannot read a state");
  return std::optional(std::move(value));
}

Result<void> Copies::write(CopyId copy, ::rocksdb::WriteBatch& batch) {
  std::lock_guard lock(writer_);
  if (copy.generation != generation_) return removed();
  if (ended_ || (!db_ && !stopped_)) return closed();
  return write_next(batch);
}

Result<void> Copies::write_next(::rocksdb::WriteBatch& batch) {
  if (auto room = check_room(batch.GetDataSize()); !room) return room;
  if (auto ready = go_on(); !ready) return ready;
  auto status = batch.Put(slice(write_number_key), value64(number_ + 1));
  if (status.ok()) status = db_->Write({}, &batch);
  if (!status.ok()) return *(stopped_ = error(status, "cannot write"));
  ++number_;
  return {};
}

Result<void> Copies::go_on() {
  if (!stopped_) return {};
  if (!db_ || log_->failed()) return open_after_torn_write();
  const auto status = db_->Resume();
  if (status.IsBusy()) return *stopped_;  // RocksDB itself checks for free space every 5 s
  if (!status.ok()) return error(status, "cannot resume after a failed write");
  stopped_.reset();
  return {};
}

// Opening the database truncates the log file just before or just after the failed write, so the log has no
// gap.
Result<void> Copies::open_after_torn_write() {
  std::unique_lock gate(gate_);
  close_database();
  auto opened = open();
  if (opened) return opened;
  close_database();
  if (opened.error().code != ErrorCode::corrupt) stopped_ = opened.error();  // the next write retries
  return opened;
}

Result<void> Copies::check_room(std::size_t batch_bytes) const {
  struct statvfs disk {};
  if (::statvfs(path_.c_str(), &disk) != 0) return system_error(errno, path_.string());
  std::uint64_t in_memory = 0;
  if (db_) (void)db_->GetIntProperty(::rocksdb::DB::Properties::kCurSizeAllMemTables, &in_memory);
  const std::uint64_t room = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  // The batch goes to the log file now, and to table files later, with everything that is in memory.
  const std::uint64_t needed = in_memory + 2 * std::uint64_t{batch_bytes} + spare_room;
  if (room >= needed) return {};
  return Error{ErrorCode::no_space,
               path_.string() + ": " + std::to_string(room >> 20) + " MiB are free on its disk, and " +
                   std::to_string((needed >> 20) + 1) + " are needed, also for what is still in memory"};
}

// --- opening and closing ---

Result<void> Copies::open_or_rebuild() {
  std::error_code ignored;
  std::string why;
  if (damaged_ || fs::exists(damage_note(path_), ignored)) {
    why = "a read found damage";
  } else {
    auto opened = open();
    if (opened) return opened;
    close_database();
    if (opened.error().code != ErrorCode::corrupt && opened.error().code != ErrorCode::newer_format)
      return opened;
    why = opened.error().message;
  }
  if (auto gone = remove(); !gone) return gone;
  tell_rebuild(why);
  return open();
}

Result<void> Copies::open() {
  std::error_code failed;
  fs::create_directories(path_, failed);
  if (failed) return system_error(failed.value(), "cannot create the folder " + path_.string());
  // If there is no room for its first files, RocksDB may abort the process.
  if (auto room = check_room(0); !room) return room;
  auto o = database_options();
  const auto log = std::make_shared<LogFailures>();
  o.listeners.push_back(log);
  const auto status = open_without_gap(std::move(o), path_.string(), db_);
  if (!status.ok()) return error(status, "cannot open the database");
  log_ = log;
  stopped_.reset();
  return load();
}

Result<void> Copies::load() {
  const auto format = number_at(copies_format_key, 4), number = number_at(write_number_key, 8);
  if (!format) return format.error();
  if (!number) return number.error();
  if (*format && **format > copies_format)
    return Error{ErrorCode::newer_format, path_.string() + ": the database has format " +
                                              std::to_string(**format) + ", this version reads up to " +
                                              std::to_string(copies_format)};
  if (number->value_or(0) < number_)
    return error(::rocksdb::Status::Corruption("acknowledged writes are missing"),
                 "cannot reopen the database");
  number_ = number->value_or(0);
  if (auto loaded = load_names(); !loaded) return loaded;
  if (*format) return {};
  if (number_ > 0)
    return error(::rocksdb::Status::Corruption("its format is missing"), "cannot open the database");
  ::rocksdb::WriteBatch batch;
  (void)batch.Put(slice(copies_format_key), value32(copies_format)).ok();
  return write_next(batch);
}

Result<void> Copies::load_names() {
  numbers_.clear();
  const auto prefix = slice(copy_names_prefix);
  const std::unique_ptr<::rocksdb::Iterator> it(db_->NewIterator({}));
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    if (it->value().size() != 4)
      return error(::rocksdb::Status::Corruption("a copy has no number"), "cannot read the list of copies");
    numbers_[it->key().ToString()] = get32(bytes(it->value()));
  }
  if (!it->status().ok()) return error(it->status(), "cannot read the list of copies");
  return {};
}

Result<std::optional<std::uint64_t>> Copies::number_at(std::string_view key, std::size_t size) const {
  std::string value;
  const auto status = db_->Get({}, slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::uint64_t>();
  if (status.ok() && value.size() == size) return std::optional(size == 8 ? get64(value) : get32(value));
  return error(status.ok() ? ::rocksdb::Status::Corruption("a number has the wrong size") : status,
               "cannot read the database's numbers");
}

// Removes only RocksDB's files, because the user named the folder and may keep other files in it. Copies that
// are still open report that they were removed.
Result<void> Copies::remove() {
  std::ofstream note(damage_note(path_));  // stays until the removal is complete
  const auto status = ::rocksdb::DestroyDB(path_.string(), database_options());
  if (!status.ok()) return error(status, "cannot remove the database");
  std::error_code failed;
  fs::remove(damage_note(path_), failed);
  if (failed) return system_error(failed.value(), "cannot remove the copies in " + path_.string());
  damaged_ = false;
  number_ = 0;
  ++generation_;
  return {};
}

void Copies::close() {
  std::lock_guard lock(writer_);
  std::unique_lock gate(gate_);
  close_database();
  ended_ = true;
  folder_.reset();
}

void Copies::close_database() {
  stopped_.reset();
  if (db_) (void)db_->Close().ok();
  db_.reset();
}

void Copies::tell_rebuild(const std::string& why) const {
  if (options_.on_rebuild)
    options_.on_rebuild("the local copies of states in " + options_.folder.string() +
                        " were removed and are rebuilt from the log: " + why);
}

Error Copies::closed() const {
  return {ErrorCode::closed, "the local copies in " + path_.string() + " are closed"};
}

Error Copies::removed() const {
  return {ErrorCode::corrupt,
          "the local copies in " + path_.string() +
              " were damaged and removed; a restart of the service rebuilds them from the log"};
}

Error Copies::error(const ::rocksdb::Status& status, const std::string& what) const {
  const std::string text = status.ToString();
  ErrorCode code = ErrorCode::io;
  if (status.IsNoSpace() || text.find("No space left") != std::string::npos) {
    code = ErrorCode::no_space;
  } else if (text.find("Permission denied") != std::string::npos) {
    code = ErrorCode::permission_denied;
  } else if (text.find("lock file") != text.npos || text.find("lock hold") != text.npos) {
    code = ErrorCode::busy;
  } else if (shows_damage(status)) {
    code = ErrorCode::corrupt;
    damaged_ = true;
    // Tells the next process that opens the database. If the note is lost, that process finds the damage
    // itself.
    std::ofstream note(damage_note(path_));
  }
  return {code, path_.string() + ": " + what + ": " + text};
}

}  // namespace eventy::rocksdb::detail
