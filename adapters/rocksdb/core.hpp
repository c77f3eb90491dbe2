// What the store and its sessions share: the database, the topics with their end offsets, the sessions to
// wake, and the reading of records. Any thread; comments name the mutex that guards each member.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "database.hpp"
#include "eventy/store/chunk.hpp"
#include "eventy/store/rules.hpp"

namespace eventy::rocksdb::detail {

struct Topic {
  std::string name = {};
  std::uint32_t id = 0;
  // The offset of the next record. The holder of Database::writer() changes it after the write; a reader
  // process leaves it at 0 and asks the database.
  std::deque<std::atomic<std::int64_t>> ends = {};

  std::uint32_t partitions() const { return static_cast<std::uint32_t>(ends.size()); }
};

// The place of a chunk, which its checksum covers in addition to its bytes.
inline std::uint64_t chunk_place(const Topic& topic, PartitionId partition) {
  return std::uint64_t{topic.id} << 32 | partition.value;
}

// The store's entry for a session. Its successor fences it; writers wake it.
struct SessionEntry {
  std::string service = {};
  std::atomic<bool> fenced = false, closed = false;
  std::set<std::uint32_t> reads = {};  // topic ids
  std::function<void()> wake = {};     // guarded by Core::sessions_mutex_
};

class Core {
 public:
  explicit Core(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  Database& database() const { return *database_; }
  Result<void> load_topics();                                   // loads the new ones since the last call
  std::shared_ptr<Topic> topic(const std::string& name) const;  // null: there is none
  Result<std::shared_ptr<Topic>> known_topic(const std::string& name, PartitionId partition) const;
  std::vector<TopicSpec> topics() const;
  Result<void> create_topics(const std::vector<TopicSpec>& topics);

  // The id for a key; assigns one on first use. The caller holds writer().
  Result<std::uint32_t> id_of(const std::string& key);
  Result<std::optional<std::uint32_t>> find_id(const std::string& key) const;

  // Puts staged chunks into the batch, with offsets from the end offsets on; publish() makes them visible
  // after the batch is written. `topics` is indexed by TopicIndex. The caller holds writer().
  void put(::rocksdb::WriteBatch& batch, StagedChunks& outputs,
           const std::vector<std::shared_ptr<Topic>>& topics) const;
  static std::set<std::uint32_t> publish(StagedChunks& outputs,
                                         const std::vector<std::shared_ptr<Topic>>& topics);

  // Reads records from `from` on. `end`: the end offset, if known; records missing before it are an error.
  Result<std::shared_ptr<const Batch>> read(const Topic& topic, TopicIndex index, PartitionId partition,
                                            Offset from, std::optional<Offset> end,
                                            const PollLimits& limits) const;
  Result<Offset> stored_end(const Topic& topic, PartitionId partition) const;

  // Fences the service's previous session. The caller holds writer().
  void enter(const std::shared_ptr<SessionEntry>& entry);
  void leave(const std::shared_ptr<SessionEntry>& entry);
  void set_wake(SessionEntry& entry, std::function<void()> wake);
  void wake_readers(const std::set<std::uint32_t>& topics);
  void wake(SessionEntry& entry);

 private:
  std::unique_ptr<Database> database_;
  mutable std::mutex topics_mutex_ = {};
  std::map<std::string, std::shared_ptr<Topic>> topics_ = {};
  std::mutex sessions_mutex_ = {};
  std::vector<std::shared_ptr<SessionEntry>> sessions_ = {};
};

Result<std::unique_ptr<StoreSession>> make_session(std::shared_ptr<Core> core, const SessionOptions& options);

}  // namespace eventy::rocksdb::detail
