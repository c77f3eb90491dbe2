// The open database: its column families, the only write path, which numbers the writes, and the translation
// of RocksDB's errors. Owned by the store. One thread at a time calls write(), the holder of writer(); any
// thread may call the rest.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "eventy/rocksdb/rocksdb_store.hpp"
#include "folder.hpp"
#include "log_failures.hpp"

namespace eventy::rocksdb::detail {

enum class Family : std::uint8_t { meta, records, state, positions };

// The database as it was when opened. Its holder may read from it at any time, even after a refresh.
struct View {
  View() = default;
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  ~View();
  ::rocksdb::ColumnFamilyHandle* family(Family f) const { return handles[static_cast<std::size_t>(f)]; }
  std::unique_ptr<::rocksdb::Iterator> iterator(Family f, const ::rocksdb::ReadOptions& how) const {
    return std::unique_ptr<::rocksdb::Iterator>(db->NewIterator(how, family(f)));
  }

  std::unique_ptr<::rocksdb::DB> db = {};
  std::vector<::rocksdb::ColumnFamilyHandle*> handles = {};  // in the order of Family
  std::map<std::string, std::uintmax_t> files = {};          // readers only: files_now() at the opening
};

class Database {
 public:
  static Result<std::unique_ptr<Database>> open(const Options& options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // A writer's view never changes; a reader's view is that of the last refresh().
  std::shared_ptr<const View> view() const;
  ::rocksdb::ColumnFamilyHandle* family(Family f) const { return view_->family(f); }  // writers only

  bool writable() const { return options_.access == Access::read_write; }
  const Options& options() const { return options_; }

  // Held from the assignment of offsets to the end of the write.
  std::mutex& writer() { return writer_; }
  // Adds the number of this write and writes all of the batch or nothing. If it returns without an error, the
  // batch is as durable as options.sync says. After no_space, the next call resumes by itself; after any
  // other error, the database must be reopened.
  Result<void> write(::rocksdb::WriteBatch& batch);

  // For readers beside a writer: opens a new view if anything was written since the last one. Does nothing
  // for a writer.
  Result<void> refresh();

  Result<std::optional<std::string>> get(Family family, std::string_view key) const;

  // `what` names the failed operation and its place: file, topic, partition.
  Error error(const ::rocksdb::Status& status, const std::string& what) const;

 private:
  explicit Database(const Options& options) : options_(options) {}
  Result<void> open_for_writing();
  Result<void> open_for_reading();
  Result<std::shared_ptr<const View>> read_view() const;
  Result<std::shared_ptr<const View>> try_view() const;
  Result<std::optional<std::string>> get(const View& view, Family family, std::string_view key) const;
  // The number of the view's last write; corrupt if it is below `acknowledged`.
  Result<std::uint64_t> last_write(const View& view, std::uint64_t acknowledged) const;
  std::uint64_t log_bytes() const;
  void use_blob_files();
  Result<void> merge_small_files();
  // Fails with no_space unless the disk has room for this batch and for everything still in memory.
  Result<void> check_room(std::size_t batch_bytes) const;
  Error open_error(const ::rocksdb::Status& status) const;
  std::map<std::string, std::uintmax_t> files_now() const;

  Options options_;
  std::shared_ptr<const View> view_ = {};
  mutable std::mutex view_mutex_ = {};  // guards view_ in a reader
  std::mutex refreshing_ = {};
  std::filesystem::path log_folder_ = {};  // for RocksDB's info log in a reader; removed at the end
  std::mutex writer_ = {};
  std::uint64_t number_ = 0;           // of the last write
  std::optional<Error> stopped_ = {};  // why the last write failed: resume before the next one
  bool blob_files_ = false;            // large records go to blob files
  std::shared_ptr<LogFailures> log_ = std::make_shared<LogFailures>();
  AcknowledgedFile acknowledged_ = {};
};

}  // namespace eventy::rocksdb::detail
