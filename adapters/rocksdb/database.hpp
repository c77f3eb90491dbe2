// The open database: column families, the one write path with its cycle number, and what RocksDB's errors
// mean here. Owned by the store. write() by one thread at a time (the holder of writer()); everything else by
// any thread.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "eventy/rocksdb/rocksdb_store.hpp"
#include "folder.hpp"

namespace eventy::rocksdb::detail {

class Database {
 public:
  static Result<std::unique_ptr<Database>> open(const Options& options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  ::rocksdb::DB& db() const { return *db_; }
  ::rocksdb::ColumnFamilyHandle* meta() const { return handles_[0]; }
  ::rocksdb::ColumnFamilyHandle* records() const { return handles_[1]; }
  ::rocksdb::ColumnFamilyHandle* state() const { return handles_[2]; }
  ::rocksdb::ColumnFamilyHandle* positions() const { return handles_[3]; }

  bool writable() const { return options_.access == Access::read_write; }
  const Options& options() const { return options_; }

  // Held from giving out offsets to the end of the write.
  std::mutex& writer() { return writer_; }
  // Adds the number of this write and writes all or nothing. When it returns without an error, the batch is
  // as durable as options.sync says. After no_space the next call tries again by itself.
  Result<void> write(::rocksdb::WriteBatch& batch);

  // A reader beside a writer: takes over what was committed since. Nothing to do for the writer itself.
  Result<void> refresh() const;

  Result<std::optional<std::string>> get(::rocksdb::ColumnFamilyHandle* family, std::string_view key) const;

  // `what` says what was being done, and where: file, topic, partition.
  Error error(const ::rocksdb::Status& status, const std::string& what) const;

 private:
  explicit Database(const Options& options) : options_(options) {}
  Result<void> open_for_writing();
  Result<void> open_for_reading();
  Result<void> try_reading();
  Result<void> check_acknowledged(std::uint64_t acknowledged);
  Result<std::uint64_t> recovered() const;
  Error open_error(const ::rocksdb::Status& status) const;
  void close();

  Options options_;
  std::unique_ptr<::rocksdb::DB> db_ = {};
  std::vector<::rocksdb::ColumnFamilyHandle*> handles_ = {};
  std::filesystem::path secondary_ = {};  // a reader's own folder, removed at the end
  mutable std::mutex refreshing_ = {};
  std::mutex writer_ = {};
  std::uint64_t number_ = 0;  // of the last write
  bool stopped_ = false;      // the last write failed: resume before the next one
  AcknowledgedFile acknowledged_ = {};
};

}  // namespace eventy::rocksdb::detail
