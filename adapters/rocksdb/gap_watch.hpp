// Notices gaps that RocksDB opens with without a word: a log file that ends early, between two of its
// records, with others behind it; or a list of tables (the manifest) that ends early or is damaged so that it
// seems to, after the log that had the same is gone. A file beside the database says what the list was when
// it had last grown by what was in memory, and the sequence number of the last change in tables.
//
// A process that is killed between a new table and its note may leave what looks like a gap, if that table
// was merged into others at once. It is taken for one: the copy is made anew for nothing.
//
// Told by RocksDB, on any of its threads; the rest by who opens the database.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/wal_filter.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <set>

namespace eventy::rocksdb::detail {

class GapWatch final : public ::rocksdb::EventListener, public ::rocksdb::WalFilter {
 public:
  static std::filesystem::path file_in(const std::filesystem::path& database) { return database / "flushed"; }

  explicit GapWatch(const std::filesystem::path& database);  // before it is opened
  GapWatch(const GapWatch&) = delete;
  GapWatch& operator=(const GapWatch&) = delete;
  ~GapWatch() override;

  const char* Name() const override { return "eventy.GapWatch"; }

  // Once, right after the opening: what is missing between the tables and the log, or null. A gap within the
  // log is none: the log is taken up to there.
  const char* gap(::rocksdb::DB& db);

  void OnTableFileCreated(const ::rocksdb::TableFileCreationInfo& info) override;
  void OnFlushCompleted(::rocksdb::DB*, const ::rocksdb::FlushJobInfo& info) override;
  WalProcessingOption LogRecordFound(unsigned long long log, const std::string& file,
                                     const ::rocksdb::WriteBatch& batch, ::rocksdb::WriteBatch* new_batch,
                                     bool* changed) override;

 private:
  // In the file, as it is; `check` makes a torn or foreign one show.
  struct Note {
    std::uint64_t manifest = 0;  // the number in its name
    std::uint64_t size = 0;      // of what it had
    std::uint32_t checksum = 0;  // of that
    std::uint32_t check = 0;
    std::uint64_t sequence = 0;

    std::uint32_t checked() const;
  };
  // `note` for the manifest as it is now. One that has only grown costs what it has grown by.
  Note now(Note note) const;
  bool list_is_whole(const Note& noted) const;
  void note(std::uint64_t sequence);

  std::filesystem::path database_;
  int file_;
  std::optional<std::uint64_t> first_ = {}, next_ = {};  // sequence numbers in the log
  std::mutex mutex_ = {};                                // guards the rest
  Note noted_ = {};
  bool list_is_whole_ = true;         // when the opening began
  std::set<std::uint64_t> new_ = {};  // tables made of the log by the opening
};

}  // namespace eventy::rocksdb::detail
