// The database of all local copies of a folder. Shared by the copies, closed by its owner, and then for good.
// Any thread, where no thread is named.
//
// A file `damaged` beside the database's files says that what is there is to be removed.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>

#include "eventy/rocksdb/local_state.hpp"
#include "local_state_folder.hpp"
#include "log_failures.hpp"

namespace eventy::rocksdb::detail {

// Which copy, in which database: one that takes the place of a damaged one has another generation.
struct CopyId {
  std::uint32_t generation = 0, number = 0;
  friend bool operator==(const CopyId&, const CopyId&) = default;
};

class Copies {
 public:
  static Result<std::shared_ptr<Copies>> open(const LocalStateOptions& options);
  ~Copies() { close(); }
  Copies(const Copies&) = delete;
  Copies& operator=(const Copies&) = delete;

  // Of a partition's copy, which is made if there is none. Opens the database if it is not open, and begins
  // with an empty one if what is there is damaged.
  Result<CopyId> id_of(const std::string& service, PartitionId partition);
  // By its key in the database.
  Result<std::optional<std::string>> get(CopyId copy, const ::rocksdb::Slice& key) const;
  // All of the batch or nothing. After no_space the next call tries again by itself.
  Result<void> write(CopyId copy, ::rocksdb::WriteBatch& batch);
  void close();

 private:
  explicit Copies(const LocalStateOptions& options);
  ::rocksdb::Options database_options() const;

  // By the holder of writer_.
  Result<void> write_next(::rocksdb::WriteBatch& batch);
  Result<std::uint32_t> add(const std::string& name);
  Result<void> open_or_rebuild();
  Result<void> open();
  Result<void> load();
  Result<void> load_names();
  Result<std::optional<std::uint64_t>> number_at(std::string_view key, std::size_t size) const;
  Result<void> remove();
  // After a failed write.
  Result<void> go_on();
  Result<void> open_after_torn_write();
  Result<void> check_room(std::size_t batch_bytes) const;
  void close_database();

  Error error(const ::rocksdb::Status& status, const std::string& what) const;
  Error closed() const;
  Error removed() const;
  void tell_rebuild(const std::string& what) const;

  const LocalStateOptions options_;
  std::unique_ptr<CopiesFolder> folder_ = {};
  std::filesystem::path path_ = {};
  std::shared_ptr<::rocksdb::Cache> cache_;

  mutable std::mutex writer_ = {};
  // Guarded by writer_, up to gate_.
  bool ended_ = false;
  std::map<std::string, std::uint32_t> numbers_ = {};  // of copies, by copy_name_key()
  std::uint64_t number_ = 0;                           // of the last write
  std::optional<Error> stopped_ = {};                  // why the last write failed
  std::shared_ptr<LogFailures> log_ = {};
  mutable std::shared_mutex gate_ = {};  // shared: the database stays; exclusive: it changes
  std::unique_ptr<::rocksdb::DB> db_ = {};
  std::uint32_t generation_ = 1;
  mutable std::atomic<bool> damaged_ = false;
};

}  // namespace eventy::rocksdb::detail
