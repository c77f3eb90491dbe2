#include "gap_detector.hpp"

#include <rocksdb/listener.h>
#include <rocksdb/table_properties.h>
#include <rocksdb/wal_filter.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>

#include "copy_keys.hpp"

namespace eventy::rocksdb::detail {
namespace {

constexpr char last_write_property[] = "eventy.last-write";

// Records the number of the last write in one table, as a property of the table. None if the table has none.
class LastWrite final : public ::rocksdb::TablePropertiesCollector {
 public:
  explicit LastWrite(std::string_view number_key) : number_key_(number_key) {}
  ::rocksdb::Status AddUserKey(const ::rocksdb::Slice& key, const ::rocksdb::Slice& value,
                               ::rocksdb::EntryType type, ::rocksdb::SequenceNumber, std::uint64_t) override {
    if (type == ::rocksdb::kEntryPut && bytes(key) == number_key_ && value.size() == 8)
      number_ = std::max(number_, get64(bytes(value)));
    return ::rocksdb::Status::OK();
  }
  ::rocksdb::Status Finish(::rocksdb::UserCollectedProperties* properties) override {
    if (number_) properties->emplace(last_write_property, value64(number_));
    return ::rocksdb::Status::OK();
  }
  ::rocksdb::UserCollectedProperties GetReadableProperties() const override {
    return {{last_write_property, std::to_string(number_)}};
  }
  const char* Name() const override { return last_write_property; }

 private:
  std::string_view number_key_;
  std::uint64_t number_ = 0;
};

class LastWrites final : public ::rocksdb::TablePropertiesCollectorFactory {
 public:
  explicit LastWrites(std::string_view number_key) : number_key_(number_key) {}
  ::rocksdb::TablePropertiesCollector* CreateTablePropertiesCollector(Context) override {
    return new LastWrite(number_key_);
  }
  const char* Name() const override { return last_write_property; }

 private:
  std::string number_key_;
};

// Reads the number of a batch.
class NumberOf final : public ::rocksdb::WriteBatch::Handler {
 public:
  explicit NumberOf(std::string_view number_key) : number_key_(number_key) {}
  ::rocksdb::Status PutCF(std::uint32_t family, const ::rocksdb::Slice& key,
                          const ::rocksdb::Slice& value) override {
    if (family == 0 && bytes(key) == number_key_ && value.size() == 8) number = get64(bytes(value));
    return ::rocksdb::Status::OK();
  }
  ::rocksdb::Status DeleteCF(std::uint32_t, const ::rocksdb::Slice&) override {
    return ::rocksdb::Status::OK();
  }
  ::rocksdb::Status DeleteRangeCF(std::uint32_t, const ::rocksdb::Slice&, const ::rocksdb::Slice&) override {
    return ::rocksdb::Status::OK();
  }

  std::uint64_t number = 0;

 private:
  std::string_view number_key_;
};

// RocksDB calls it on any of its threads while it opens the database; judge() reads the result afterwards.
class GapDetector final : public ::rocksdb::EventListener, public ::rocksdb::WalFilter {
 public:
  enum class Of : std::uint8_t { copies, store };
  GapDetector(Of of, std::string_view number_key) : of_(of), number_key_(number_key) {}
  const char* Name() const override { return "eventy.GapDetector"; }

  void OnTableFileCreated(const ::rocksdb::TableFileCreationInfo& info) override {
    if (info.reason != ::rocksdb::TableFileCreationReason::kRecovery) return;
    std::lock_guard lock(mutex_);
    made_of_log_.insert(info.file_path);
  }

  // A batch begins with its sequence number (8 bytes) and takes as many as it has changes.
  WalProcessingOption LogRecordFound(unsigned long long, const std::string&,
                                     const ::rocksdb::WriteBatch& batch, ::rocksdb::WriteBatch*,
                                     bool*) override {
    std::uint64_t sequence = 0;
    std::memcpy(&sequence, batch.Data().data(), sizeof sequence);
    if (of_ == Of::copies && next_ && sequence != *next_) return WalProcessingOption::kStopReplay;
    next_ = sequence + static_cast<std::uint64_t>(batch.Count());
    if (first_) return WalProcessingOption::kContinueProcessing;
    NumberOf number(number_key_);
    if (!batch.Iterate(&number).ok()) return WalProcessingOption::kCorruptedRecord;
    first_ = number.number;
    return WalProcessingOption::kContinueProcessing;
  }

  ::rocksdb::Status judge(::rocksdb::DB& db, ::rocksdb::ColumnFamilyHandle* family) {
    ::rocksdb::TablePropertiesCollection tables;
    if (auto status = db.GetPropertiesOfAllTables(family, &tables); !status.ok()) return status;
    std::uint64_t last = 0;
    std::lock_guard lock(mutex_);
    for (const auto& [file, properties] : tables) {
      if (made_of_log_.contains(file)) continue;
      const auto& own = properties->user_collected_properties;
      const auto number = own.find(last_write_property);
      const bool is_numbered = number != own.end() && number->second.size() == 8;
      if (is_numbered) last = std::max(last, get64(number->second));
      if (!is_numbered && of_ == Of::store) return {};
    }
    if (!first_ || *first_ <= last + 1) return {};
    return ::rocksdb::Status::Corruption("writes are missing between its tables and its log");
  }

 private:
  Of of_;
  std::string number_key_;
  std::optional<std::uint64_t> next_ = {};   // sequence number of the next batch in the log
  std::optional<std::uint64_t> first_ = {};  // number of the first write in the log
  std::mutex mutex_ = {};
  std::set<std::string> made_of_log_ = {};  // tables that opening made from the log; guarded by mutex_
};

}  // namespace

::rocksdb::Status open_without_gap(::rocksdb::Options options, const std::string& path,
                                   std::unique_ptr<::rocksdb::DB>& db) {
  // The database's options keep it alive as long as the database.
  const auto watch = std::make_shared<GapDetector>(GapDetector::Of::copies, write_number_key);
  options.table_properties_collector_factories.push_back(std::make_shared<LastWrites>(write_number_key));
  options.listeners.push_back(watch);
  options.wal_filter = watch.get();
  ::rocksdb::DB* opened = nullptr;
  if (auto status = ::rocksdb::DB::Open(options, path, &opened); !status.ok()) return status;
  db.reset(opened);
  // At once: a compaction that merges tables made from the log with other tables would hide a gap.
  return watch->judge(*db, db->DefaultColumnFamily());
}

::rocksdb::Status open_without_gap(::rocksdb::DBOptions options, const std::string& path,
                                   std::vector<::rocksdb::ColumnFamilyDescriptor> families,
                                   std::string_view number_key,
                                   std::vector<::rocksdb::ColumnFamilyHandle*>& handles,
                                   std::unique_ptr<::rocksdb::DB>& db) {
  const auto watch = std::make_shared<GapDetector>(GapDetector::Of::store, number_key);
  families.front().options.table_properties_collector_factories.push_back(
      std::make_shared<LastWrites>(number_key));
  options.listeners.push_back(watch);
  options.wal_filter = watch.get();
  ::rocksdb::DB* opened = nullptr;
  if (auto status = ::rocksdb::DB::Open(options, path, families, &handles, &opened); !status.ok())
    return status;
  db.reset(opened);
  return watch->judge(*db, handles.front());
}

}  // namespace eventy::rocksdb::detail
