// The database of all local copies in a folder. The copies share it; its owner closes it, for good. Any
// thread, unless a comment says otherwise.
//
// A file `damaged` beside the database's files says that the database must be removed.
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

// A copy and the generation of its database: a database that replaces a damaged one has a new generation.
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

  // The id of a partition's copy; creates the copy if there is none. Opens the database if it is not open,
  // and starts with an empty one if the old one is damaged.
  Result<CopyId> id_of(const std::string& service, PartitionId partition);
  // Reads a value by its key in the database.
  Result<std::optional<std::string>> get(CopyId copy, const ::rocksdb::Slice& key) const;
  // Writes all of the batch or nothing. After no_space, the next call resumes by itself.
  Result<void> write(CopyId copy, ::rocksdb::WriteBatch& batch);
  void close();

 private:
  explicit Copies(const LocalStateOptions& options);
  ::rocksdb::Options database_options() const;

  // The caller holds writer_.
  Result<void> write_next(::rocksdb::WriteBatch& batch);
  Result<std::uint32_t> add(const std::string& name);
  Result<void> open_or_rebuild();
  Result<void> open();
  Result<void> load();
  Result<void> load_names();
  Result<std::optional<std::uint64_t>> number_at(std::string_view key, std::size_t size) const;
  Result<void> remove();
  // Resumes after a failed write.
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
  // writer_ guards the members from here to gate_.
  bool ended_ = false;
  std::map<std::string, std::uint32_t> numbers_ = {};  // of copies, by copy_name_key()
  std::uint64_t number_ = 0;                           // of the last write
  std::optional<Error> stopped_ = {};                  // why the last write failed
  std::shared_ptr<LogFailures> log_ = {};
  mutable std::shared_mutex gate_ = {};  // shared: uses the database; exclusive: opens or closes it
  std::unique_ptr<::rocksdb::DB> db_ = {};
  std::uint32_t generation_ = 1;
  mutable std::atomic<bool> damaged_ = false;
};

}  // namespace eventy::rocksdb::detail
