#include "gap_watch.hpp"

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

bool is_number(const ::rocksdb::Slice& key, const ::rocksdb::Slice& value) {
  return bytes(key) == write_number_key && value.size() == 8;
}

// Notes for one table which write it goes up to: in each there is the number of its last one, or of none.
class LastWrite final : public ::rocksdb::TablePropertiesCollector {
 public:
  ::rocksdb::Status AddUserKey(const ::rocksdb::Slice& key, const ::rocksdb::Slice& value,
                               ::rocksdb::EntryType type, ::rocksdb::SequenceNumber, std::uint64_t) override {
    if (type == ::rocksdb::kEntryPut && is_number(key, value))
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
  std::uint64_t number_ = 0;
};

class LastWrites final : public ::rocksdb::TablePropertiesCollectorFactory {
 public:
  ::rocksdb::TablePropertiesCollector* CreateTablePropertiesCollector(Context) override {
    return new LastWrite;
  }
  const char* Name() const override { return last_write_property; }
};

// The number of a batch.
class NumberOf final : public ::rocksdb::WriteBatch::Handler {
 public:
  ::rocksdb::Status PutCF(std::uint32_t, const ::rocksdb::Slice& key,
                          const ::rocksdb::Slice& value) override {
    if (is_number(key, value)) number = get64(bytes(value));
    return ::rocksdb::Status::OK();
  }
  ::rocksdb::Status DeleteCF(std::uint32_t, const ::rocksdb::Slice&) override {
    return ::rocksdb::Status::OK();
  }
  ::rocksdb::Status DeleteRangeCF(std::uint32_t, const ::rocksdb::Slice&, const ::rocksdb::Slice&) override {
    return ::rocksdb::Status::OK();
  }

  std::uint64_t number = 0;
};

// Told by RocksDB, on any of its threads, while it opens; read afterwards.
class GapWatch final : public ::rocksdb::EventListener, public ::rocksdb::WalFilter {
 public:
  const char* Name() const override { return "eventy.GapWatch"; }

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
    if (next_ && sequence != *next_) return WalProcessingOption::kStopReplay;
    next_ = sequence + static_cast<std::uint64_t>(batch.Count());
    if (first_) return WalProcessingOption::kContinueProcessing;
    NumberOf number;
    if (!batch.Iterate(&number).ok()) return WalProcessingOption::kCorruptedRecord;
    first_ = number.number;
    return WalProcessingOption::kContinueProcessing;
  }

  ::rocksdb::Status judge(::rocksdb::DB& db) {
    ::rocksdb::TablePropertiesCollection tables;
    if (auto status = db.GetPropertiesOfAllTables(&tables); !status.ok()) return status;
    std::uint64_t last = 0;
    std::lock_guard lock(mutex_);
    for (const auto& [file, properties] : tables) {
      if (made_of_log_.contains(file)) continue;
      const auto& own = properties->user_collected_properties;
      if (const auto number = own.find(last_write_property);
          number != own.end() && number->second.size() == 8)
        last = std::max(last, get64(number->second));
    }
    if (!first_ || *first_ <= last + 1) return {};
    return ::rocksdb::Status::Corruption("its log begins behind its tables");
  }

 private:
  std::optional<std::uint64_t> next_ = {};   // sequence number that the log goes on with
  std::optional<std::uint64_t> first_ = {};  // number of the first write in the log
  std::mutex mutex_ = {};
  std::set<std::string> made_of_log_ = {};  // tables, by the opening; guarded by mutex_
};

}  // namespace

::rocksdb::Status open_without_gap(::rocksdb::Options options, const std::string& path,
                                   std::unique_ptr<::rocksdb::DB>& db) {
  const auto watch = std::make_shared<GapWatch>();  // the options keep it as long as the database lives
  options.table_properties_collector_factories.push_back(std::make_shared<LastWrites>());
  options.listeners.push_back(watch);
  options.wal_filter = watch.get();
  ::rocksdb::DB* opened = nullptr;
  if (auto status = ::rocksdb::DB::Open(options, path, &opened); !status.ok()) return status;
  db.reset(opened);
  // At once: a compaction that mixes what is made of the log with the rest would hide a gap.
  return watch->judge(*db);
}

}  // namespace eventy::rocksdb::detail
