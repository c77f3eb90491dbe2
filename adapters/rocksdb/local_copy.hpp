// The copy of one partition's state: a RocksDB database with the state's keys behind 'k', and at 'p' the
// place in the log that they stand for. Shared by the LocalStates of the partition; any thread, where no
// thread is named.
//
//   'k' key   value
//   'p'       see place_record.hpp
//
// A file `damaged` beside the database's files says that what is there is to be removed.
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/write_buffer_manager.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>

#include "eventy/rocksdb/local_state.hpp"
#include "local_state_folder.hpp"
#include "log_watch.hpp"
#include "place_record.hpp"

namespace eventy::rocksdb::detail {

class LocalCopy;

// What the copies of a folder have in common, their memory above all.
class Copies {
 public:
  static Result<std::shared_ptr<Copies>> open(const LocalStateOptions& options);
  ~Copies();

  std::shared_ptr<LocalCopy> copy(const std::string& service, PartitionId partition);

  const LocalStateOptions& options() const { return options_; }
  ::rocksdb::Options database_options() const;
  std::size_t bytes_in_memory() const { return buffers_->memory_usage(); }
  // RocksDB makes the database that is written to move its changes to files, however few they are, and leaves
  // those alone that hold most and are idle. So we choose ourselves. Waits, for a time, where the files do
  // not keep up.
  void keep_within_limit();

 private:
  Copies(const LocalStateOptions& options, std::unique_ptr<CopiesFolder> folder);
  void move_fullest_to_file();
  bool files_are_behind() const;

  LocalStateOptions options_;
  std::unique_ptr<CopiesFolder> folder_;
  std::shared_ptr<::rocksdb::Cache> cache_;
  std::shared_ptr<::rocksdb::WriteBufferManager> buffers_;
  std::mutex mutex_ = {};                                                    // guards copies_
  std::map<std::filesystem::path, std::shared_ptr<LocalCopy>> copies_ = {};  // once opened, for ever
};

class LocalCopy {
 public:
  LocalCopy(Copies& copies, std::filesystem::path path) : copies_(copies), path_(std::move(path)) {}
  ~LocalCopy() { close(); }
  LocalCopy(const LocalCopy&) = delete;
  LocalCopy& operator=(const LocalCopy&) = delete;

  // A number for a new owner; who has an earlier one writes no more. Opens the database if it is not, and
  // starts with an empty one if what is there is damaged. To each take_over() belongs a leave(); the last one
  // closes the database.
  Result<std::uint64_t> take_over();
  void leave();
  void close();

  Result<std::optional<std::string>> get(std::string_view key) const;
  Result<void> apply(std::uint64_t owner, std::span<const LocalState::Change> changes, const LogPlace& place);
  Result<LogPlace> place() const;
  Result<void> clear(std::uint64_t owner);

  std::size_t bytes_in_memory() const;  // that a flush would move to a file
  void flush();                         // begins it

 private:
  // By the holder of writer_.
  Result<void> open_or_rebuild();
  Result<void> open();
  Result<void> load_place();
  Result<void> remove();
  // After a failed write, which is tried again with the place `behind` it.
  Result<void> go_on(const LogPlace& behind);
  Result<void> open_after_torn_write(const LogPlace& behind);
  Result<void> check_room(std::size_t batch_bytes) const;
  void close_database();
  Error error(const ::rocksdb::Status& status, const std::string& what) const;
  Error closed() const;

  Copies& copies_;
  std::filesystem::path path_;
  mutable std::mutex writer_ = {};
  // Guarded by writer_, up to gate_.
  std::uint64_t owner_ = 0;   // the last one
  std::uint64_t owners_ = 0;  // how many have not left
  PlaceRecord last_ = {};
  std::optional<Error> stopped_ = {};  // why the last write failed
  std::shared_ptr<LogWatch> log_ = {};
  mutable std::shared_mutex gate_ = {};  // shared: db_ stays; exclusive: it changes
  std::unique_ptr<::rocksdb::DB> db_ = {};
  mutable std::atomic<bool> damaged_ = false;
};

}  // namespace eventy::rocksdb::detail
