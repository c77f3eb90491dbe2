// Notices a gap that RocksDB opens with without a word: its list of tables (the manifest) came back without
// the last one, and the log that had the same is gone. Notes the number of each table that is made of what
// was in memory in a file beside the database: 16 bytes, the number and its complement.
//
// Told by RocksDB, on any of its threads; the rest by who opens the database.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include <cstdint>
#include <filesystem>
#include <set>

namespace eventy::rocksdb::detail {

class TableWatch final : public ::rocksdb::EventListener {
 public:
  static std::filesystem::path file_in(const std::filesystem::path& database) { return database / "flushed"; }

  explicit TableWatch(const std::filesystem::path& database);  // before it is opened
  TableWatch(const TableWatch&) = delete;
  TableWatch& operator=(const TableWatch&) = delete;
  ~TableWatch() override;

  // Once, right after the opening. Only for a database where every write changes one certain key: its last
  // value is in the last table that was made of memory, or in a later one that was made of that one.
  bool all_there(::rocksdb::DB& db);

  void OnTableFileCreated(const ::rocksdb::TableFileCreationInfo& info) override;
  void OnFlushCompleted(::rocksdb::DB*, const ::rocksdb::FlushJobInfo& info) override;

 private:
  void note(std::uint64_t number);

  int file_;
  std::uint64_t last_ = 0;                    // as noted before the opening
  std::set<std::filesystem::path> new_ = {};  // made of the log while it was opened
};

}  // namespace eventy::rocksdb::detail
