#include "local_copy.hpp"

#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "checksum.hpp"
#include "folder.hpp"
#include "gap_watch.hpp"
#include "keys.hpp"

namespace eventy::rocksdb::detail {
namespace {

namespace fs = std::filesystem;

constexpr char key_prefix = 'k';

constexpr int background_jobs = 2;
constexpr int buffers_per_copy = 3;             // one that is written, the others on their way to files
constexpr std::size_t copies_at_work = 4;       // that may fill a buffer at the same time
constexpr std::size_t arena_block = 64u << 10;  // what an idle copy holds at least
constexpr double filter_bits_per_key = 10;
// A write waits so long for files, of a disk that may be full or gone; then memory grows.
constexpr std::chrono::seconds patience_with_files{1};
constexpr std::size_t spare_room = 2u << 20;  // on the disk, for lists of files and RocksDB's own messages

fs::path damage_mark(const fs::path& path) { return path / "damaged"; }

// The key in the database, without an allocation of its own for each call.
::rocksdb::Slice stored_key(std::string_view key) {
  thread_local std::string bytes;
  bytes.assign(1, key_prefix).append(key);
  return slice(bytes);
}

void add(::rocksdb::WriteBatch& batch, const LocalState::Change& change) {
  const ::rocksdb::Slice key[] = {{&key_prefix, 1}, slice(change.first)};
  if (!change.second) {
    (void)batch.Delete(::rocksdb::SliceParts(key, 2)).ok();
    return;
  }
  const ::rocksdb::Slice value[] = {slice(*change.second)};
  (void)batch.Put(::rocksdb::SliceParts(key, 2), ::rocksdb::SliceParts(value, 1)).ok();
}

bool shows_damage(const ::rocksdb::Status& status) {
  return status.IsCorruption() || status.IsPathNotFound() || status.IsInvalidArgument() ||
         status.IsNotSupported();
}

}  // namespace

// --- all copies of a folder ---

Copies::Copies(const LocalStateOptions& options, std::unique_ptr<CopiesFolder> folder)
    : options_(options),
      folder_(std::move(folder)),
      cache_(::rocksdb::NewLRUCache(options.cache_size)),
      buffers_(std::make_shared<::rocksdb::WriteBufferManager>(
          std::max<std::size_t>(options.write_buffer_size, 1))) {}

Result<std::shared_ptr<Copies>> Copies::open(const LocalStateOptions& options) {
  use_fast_checksum();
  auto folder = CopiesFolder::take(options.folder);
  if (!folder) return folder.error();
  return std::shared_ptr<Copies>(new Copies(options, *std::move(folder)));
}

Copies::~Copies() {
  for (const auto& [path, copy] : copies_) copy->close();
}

std::shared_ptr<LocalCopy> Copies::copy(const std::string& service, PartitionId partition) {
  std::lock_guard lock(mutex_);
  auto& copy = copies_[folder_->copy_of(service, partition)];
  if (!copy) copy = std::make_shared<LocalCopy>(*this, folder_->copy_of(service, partition));
  return copy;
}

::rocksdb::Options Copies::database_options() const {
  ::rocksdb::Options o;
  o.create_if_missing = true;
  o.paranoid_checks = true;
  // Whatever a power failure left of the log files, up to the first gap: an older state with its place.
  o.wal_recovery_mode = ::rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  o.write_buffer_manager = buffers_;
  o.write_buffer_size = std::max<std::size_t>(options_.write_buffer_size / copies_at_work, 1);
  o.max_write_buffer_number = buffers_per_copy;
  o.arena_block_size = arena_block;
  o.allow_concurrent_memtable_write = false;  // one writer, and the hint needs it
  o.memtable_insert_with_hint_prefix_extractor.reset(::rocksdb::NewFixedPrefixTransform(1));
  o.max_background_jobs = background_jobs;
  o.level_compaction_dynamic_level_bytes = true;
  o.bytes_per_sync = 1u << 20;
  o.skip_stats_update_on_db_open = true;
  o.info_log_level = ::rocksdb::InfoLogLevel::WARN_LEVEL;
  o.max_log_file_size = 1u << 20;
  o.keep_log_file_num = 2;
  o.stats_dump_period_sec = 0;
  o.stats_persist_period_sec = 0;
  o.compression = ::rocksdb::kLZ4Compression;
  ::rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache_;
  // Else they stay in memory for every file, whatever the cache's size.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(::rocksdb::NewBloomFilterPolicy(filter_bits_per_key));
  table.format_version = 5;
  o.table_factory.reset(::rocksdb::NewBlockBasedTableFactory(table));
  return o;
}

void Copies::keep_within_limit() {
  // The other half is for what is on its way to the files.
  if (buffers_->mutable_memtable_memory_usage() >= options_.write_buffer_size / 2) move_fullest_to_file();
  const auto deadline = std::chrono::steady_clock::now() + patience_with_files;
  while (files_are_behind() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void Copies::move_fullest_to_file() {
  std::lock_guard lock(mutex_);
  LocalCopy* fullest = nullptr;
  std::size_t most = 0;
  for (const auto& [path, copy] : copies_)
    if (const std::size_t bytes = copy->bytes_in_memory(); bytes > most) most = bytes, fullest = copy.get();
  if (fullest) fullest->flush();
}

bool Copies::files_are_behind() const {
  const std::size_t all = buffers_->memory_usage();
  return all >= options_.write_buffer_size && all > buffers_->mutable_memtable_memory_usage();
}

// --- one copy ---

Result<std::uint64_t> LocalCopy::take_over() {
  std::lock_guard lock(writer_);
  std::unique_lock gate(gate_);
  if (damaged_) close_database();
  if (auto opened = db_ ? Result<void>() : open_or_rebuild(); !opened) return opened.error();
  ++owners_;
  return ++owner_;
}

void LocalCopy::leave() {
  std::lock_guard lock(writer_);
  if (--owners_ > 0) return;
  std::unique_lock gate(gate_);
  close_database();
}

void LocalCopy::close() {
  std::lock_guard lock(writer_);
  std::unique_lock gate(gate_);
  close_database();
}

void LocalCopy::close_database() {
  stopped_.reset();
  if (db_) (void)db_->Close().ok();
  db_.reset();
}

Result<void> LocalCopy::open_or_rebuild() {
  std::error_code ignored;
  std::string why;
  if (damaged_ || fs::exists(damage_mark(path_), ignored)) {
    why = "damage showed while it was read";
  } else {
    auto opened = open();
    if (opened) return opened;
    close_database();
    if (opened.error().code != ErrorCode::corrupt && opened.error().code != ErrorCode::newer_format)
      return opened;
    why = opened.error().message;
  }
  if (auto removed = remove(); !removed) return removed;
  if (copies_.options().on_rebuild)
    copies_.options().on_rebuild("the local copy " + path_.string() +
                                 " was removed and is read from the log again: " + why);
  return open();
}

Result<void> LocalCopy::open() {
  std::error_code failed;
  fs::create_directories(path_, failed);
  if (failed) return system_error(failed.value(), "cannot create the folder " + path_.string());
  // Without room for its first files RocksDB can end the process by an assertion of its own.
  if (auto room = check_room(0); !room) return room;
  auto o = copies_.database_options();
  const auto log = std::make_shared<LogWatch>();
  o.listeners.push_back(log);
  const auto status = open_without_gap(std::move(o), path_.string(), db_);
  if (!status.ok()) return error(status, "cannot open it");
  log_ = log;
  stopped_.reset();
  return load_place();
}

Result<void> LocalCopy::load_place() {
  std::string record;
  const auto status = db_->Get({}, place_key, &record);
  if (!status.ok() && !status.IsNotFound()) return error(status, "cannot read its place");
  auto last = status.IsNotFound() ? Result<PlaceRecord>(PlaceRecord{}) : read_place_record(record);
  if (!last) return Error{last.error().code, path_.string() + ": " + last.error().message};
  last_ = *std::move(last);
  return {};
}

// RocksDB's files only, for it is a folder that somebody else may have named.
Result<void> LocalCopy::remove() {
  std::ofstream mark(damage_mark(path_));  // until it is done
  std::error_code failed;
  const auto status = ::rocksdb::DestroyDB(path_.string(), copies_.database_options());
  if (!status.ok()) return error(status, "cannot remove it");
  if (!failed) fs::remove(damage_mark(path_), failed);
  if (failed) return system_error(failed.value(), "cannot remove the copy " + path_.string());
  damaged_ = false;
  return {};
}

Result<std::optional<std::string>> LocalCopy::get(std::string_view key) const {
  std::shared_lock gate(gate_);
  if (!db_) return closed();
  std::string value;
  const auto status = db_->Get({}, stored_key(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return error(status, "cannot read a state");
  return std::optional(std::move(value));
}

Result<LogPlace> LocalCopy::place() const {
  std::lock_guard lock(writer_);
  return last_.place;
}

Result<void> LocalCopy::apply(std::uint64_t owner, std::span<const LocalState::Change> changes,
                              const LogPlace& place) {
  std::lock_guard lock(writer_);
  if (owner != owner_) return {};
  if (!db_ && !stopped_) return closed();
  std::size_t bytes = 0;
  for (const auto& [key, value] : changes) bytes += key.size() + (value ? value->size() : 0) + 16;
  if (auto room = check_room(bytes); !room) return room;
  if (auto ready = go_on(place); !ready) return ready;
  ::rocksdb::WriteBatch batch(bytes + 256);
  // The sorted list in memory takes them so, with the hint of database_options(), in a third of the time that
  // it takes at random.
  for (const std::uint32_t i : in_key_order(changes)) add(batch, changes[i]);
  PlaceRecord record{.write = last_.write + 1, .place = place};
  auto status = batch.Put(place_key, place_record(record));
  if (status.ok()) status = db_->Write({}, &batch);
  if (!status.ok()) return *(stopped_ = error(status, "cannot write"));
  last_ = std::move(record);
  copies_.keep_within_limit();
  return {};
}

Result<void> LocalCopy::go_on(const LogPlace& behind) {
  if (!stopped_) return {};
  if (!db_ || log_->failed()) return open_after_torn_write(behind);
  const auto status = db_->Resume();
  if (status.IsBusy()) return *stopped_;  // RocksDB looks for room by itself, every 5 s
  if (!status.ok()) return error(status, "cannot go on after a failed write");
  stopped_.reset();
  return {};
}

// The opening cuts the log file where the write failed, before it or behind it; anything else would be a gap.
Result<void> LocalCopy::open_after_torn_write(const LogPlace& behind) {
  const LogPlace before = last_.place;
  std::unique_lock gate(gate_);
  close_database();
  if (auto opened = open(); !opened) {
    close_database();
    if (opened.error().code != ErrorCode::corrupt) stopped_ = opened.error();  // the next write tries again
    return opened;
  }
  if (last_.place == before || last_.place == behind) return {};
  close_database();
  return error(::rocksdb::Status::Corruption("writes that were acknowledged are gone"), "opened again");
}

Result<void> LocalCopy::check_room(std::size_t batch_bytes) const {
  struct statvfs disk {};
  if (::statvfs(path_.c_str(), &disk) != 0) return system_error(errno, path_.string());
  const std::uint64_t room = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  // The batch goes to the log file now, and with all that is in memory to files later.
  const std::uint64_t needed = copies_.bytes_in_memory() + 2 * std::uint64_t{batch_bytes} + spare_room;
  if (room >= needed) return {};
  return Error{ErrorCode::no_space,
               path_.string() + ": " + std::to_string(room >> 20) + " MiB are free on its disk, and " +
                   std::to_string((needed >> 20) + 1) + " are needed, for what is still in memory too"};
}

Result<void> LocalCopy::clear(std::uint64_t owner) {
  std::lock_guard lock(writer_);
  if (owner != owner_) return {};
  if (!db_) return closed();
  std::unique_lock gate(gate_);
  close_database();
  last_ = {};
  if (auto removed = remove(); !removed) return removed;
  return open();
}

std::size_t LocalCopy::bytes_in_memory() const {
  std::shared_lock gate(gate_);
  std::uint64_t bytes = 0;
  if (db_) (void)db_->GetIntProperty(::rocksdb::DB::Properties::kCurSizeActiveMemTable, &bytes);
  return bytes;
}

void LocalCopy::flush() {
  std::shared_lock gate(gate_);
  if (!db_) return;
  ::rocksdb::FlushOptions how;
  how.wait = false;
  how.allow_write_stall = true;  // false would wait for room
  (void)db_->Flush(how).ok();    // what fails shows in the next write
}

Error LocalCopy::closed() const {
  return {ErrorCode::closed, "the local copy " + path_.string() + " is closed"};
}

Error LocalCopy::error(const ::rocksdb::Status& status, const std::string& what) const {
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
    // Also for the process that opens it next; without the mark it finds the damage again by itself.
    std::ofstream mark(damage_mark(path_));
  }
  return {code, path_.string() + ": " + what + ": " + text};
}

}  // namespace eventy::rocksdb::detail
