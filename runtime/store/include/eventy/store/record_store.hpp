// The port of a store: records, positions and state, with commits that hold all three. Implemented by the
// memory store here and by the adapters (rocksdb, later kafka and postgres); judged by tests/conformance.
//
// A RecordStore is shared by all threads of a process. A StoreSession belongs to one thread at a time (the
// bridge's); a StateReader may be used by any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "eventy/core/partitioner.hpp"
#include "eventy/core/result.hpp"
#include "eventy/store/batch.hpp"

namespace eventy {

struct TopicSpec {
  std::string name;
  std::uint32_t partitions = 1;
};

// What a session writes outputs with. A store may show a topic only as far as its first open cycle: where
// write_now() is used, it keeps the outputs of a cycle back until the commit.
enum class Writes : std::uint8_t { in_cycles_and_at_once, in_cycles_only };

struct SessionOptions {
  std::string service;                   // sessions of one service share its partitions and its positions
  std::string node = "node";             // stable name of the process; a session replaces its predecessor's
  std::vector<std::string> topics = {};  // every topic that is read or written; TopicIndex points here
  std::vector<TopicIndex> inputs =
      {};  // those that are read; the first one is the lead. Equal partition counts
  std::vector<TopicIndex> free_inputs = {};  // read as well, but may have another partition count (responses)
  std::vector<std::string> keyspaces = {};   // KeyspaceIndex points here; keyspaces belong to the service
  Writes writes = Writes::in_cycles_and_at_once;
  // How long a cycle is meant to be open. Only a hint: a store may send early what belongs to short cycles.
  std::optional<Duration> cycle_interval = {};
};

// Committed state of the partition it was handed out for. Sees the last commit that its session reported;
// after the partition was revoked or lost it answers ErrorCode::fenced.
class StateReader {
 public:
  virtual ~StateReader() = default;
  virtual Result<std::optional<std::string>> get(KeyspaceIndex keyspace, std::string_view key) const = 0;
  // Where these states lie, for errors: a folder, or a topic with its partition and offsets. Empty: not
  // known.
  virtual std::string place() const { return {}; }
};

// --- what poll() returns ---
struct Assigned {  // partitions are this session's from now on; nothing may be handled before Restored
  Epoch epoch = {};
  std::vector<PartitionId> partitions = {};
};
struct Restoring {  // progress of a restore, for logs and figures; between Assigned and Restored
  PartitionId partition = {};
  // Records of the changelog that were read, of those that are to be read. A store may count places of its
  // log, some of which hold no record: only the ratio is exact.
  std::uint64_t done = 0, total = 0;
};
struct Restored {  // the state as of the last commit is readable; records follow from the committed positions
  PartitionId partition = {};
  std::shared_ptr<const StateReader> state = {};
  std::uint64_t replayed = 0;  // records of the log that were read for it
};
struct Revoked {  // still owned: commit what is in hand, then release()
  std::vector<PartitionId> partitions = {};
};
struct Lost {  // no longer owned: drop what is in hand, then release()
  std::vector<PartitionId> partitions = {};
};
struct Records {
  std::shared_ptr<const Batch> batch = {};
};
struct Committed {  // the cycle is durable and visible
  CycleId cycle = {};
};
struct Aborted {  // nothing of the cycle is visible. The session has gone back to the committed positions
                  // itself
  CycleId cycle = {};
  Error reason = {};
};
struct UnknownOutcome {  // a commit was sent and its answer lost: resolve() before anything else
  CycleId cycle = {};
  Error reason = {};
};
using StoreEvent =
    std::variant<Assigned, Restoring, Restored, Revoked, Lost, Records, Committed, Aborted, UnknownOutcome>;

struct PollLimits {
  std::size_t max_bytes_per_batch = 1u << 20;
  std::size_t max_records_per_batch = 4096;
};

enum class Outcome : std::uint8_t { committed, aborted };

class StoreSession {
 public:
  virtual ~StoreSession() = default;  // as close()

  // Never blocks. At most one Records for each topic partition that is assigned, restored and not paused; in
  // the order of offsets. An error here ends the session: open a new one.
  virtual Result<std::vector<StoreEvent>> poll(const PollLimits& limits) = 0;
  // `wake` is called, from any thread and maybe with the store's locks held, when poll() may have something
  // new. It must only post a message.
  virtual void on_ready(std::function<void()> wake) = 0;
  virtual void pause(PartitionId partition) = 0;  // its records stay in the store
  virtual void resume(PartitionId partition) = 0;

  // Adds a slice to the open cycle (begun by the first append after a commit or abort). An error names what
  // is wrong with this slice (too_large) and leaves the cycle as it was, or ends the session (fenced, io).
  virtual Result<void> append(const SliceEffects& effects) = 0;
  // Writes outputs at once, outside any cycle: they are stored and visible when this returns.
  virtual Result<void> write_now(const OutputBuffer& outputs) = 0;
  // Commits the open cycle. The outcome comes as Committed, Aborted or UnknownOutcome from poll(), in the
  // order of commits; until then no further commit may be called, append() begins the next cycle.
  virtual Result<void> commit(CycleId cycle) = 0;
  // Undoes the open cycle, if any, and goes back to the committed positions of every partition.
  virtual Result<void> abort() = 0;
  // After UnknownOutcome: what became of the cycle. After `aborted` the session has gone back as abort()
  // does.
  virtual Result<Outcome> resolve(CycleId cycle) = 0;

  virtual void release(const std::vector<PartitionId>& partitions) = 0;  // the answer to Revoked and Lost
  virtual std::uint32_t partition_count(TopicIndex topic) const = 0;
  // Bytes of key and value of a record that the topic takes.
  virtual std::size_t max_record_size(TopicIndex) const { return SIZE_MAX; }
  // The topic takes no record without a key.
  virtual bool needs_keys(TopicIndex) const { return false; }
  // Bytes of key and value of a state that the store takes.
  virtual std::size_t max_state_size() const { return SIZE_MAX; }
  // Bytes of outputs and states that a cycle may hold.
  virtual std::size_t max_cycle_size() const { return SIZE_MAX; }
  // True if every partition that this session owns was read to its end and that is committed.
  virtual Result<bool> at_end() = 0;
  virtual void close() = 0;  // drops the open cycle
};

// Reads the committed records of one topic partition, beside everything else, for tools and tests.
class RecordReader {
 public:
  virtual ~RecordReader() = default;
  virtual Result<std::shared_ptr<const Batch>> next(
      const PollLimits& limits) = 0;  // empty batch: the end, for now
};

struct NewRecord {
  std::optional<std::string> key = {};
  std::string value = {};
  std::optional<PartitionId> partition = {};     // default: that of the key; without a key partition 0
  Partitioner partitioner = Partitioner::crc32;  // of the topic: where the key lies
  std::vector<std::pair<std::string, std::string>> headers = {};
  bool tombstone = false;  // without a value: `value` is not written

  std::optional<std::string_view> value_or_null() const {
    return tombstone ? std::nullopt : std::optional<std::string_view>(value);
  }
};

// Which optional behaviours a store has; the conformance suite asks for the others of every store.
struct StoreFeatures {
  bool durable = false;             // survives the end of the process
  bool many_members = false;        // several sessions of one service share its partitions
  bool unknown_outcomes = false;    // a commit can end in UnknownOutcome
  bool any_name = true;             // topics and services may be called by any bytes
  std::uint32_t session_files = 0;  // that each session may hold open, connections among them
};

class RecordStore {
 public:
  virtual ~RecordStore() = default;
  virtual StoreFeatures features() const = 0;
  // Creates what is absent. A topic of another partition count is an error that names it and both counts.
  virtual Result<void> ensure_topics(const std::vector<TopicSpec>& topics) = 0;
  virtual Result<std::vector<TopicSpec>> topics() const = 0;
  // All topics exist; co-read inputs have equal counts, else an error that names them.
  virtual Result<std::unique_ptr<StoreSession>> open_session(const SessionOptions& options) = 0;
  // Stored when this returns: the offset of each record.
  virtual Result<std::vector<Offset>> append(const std::string& topic,
                                             const std::vector<NewRecord>& records) = 0;
  virtual Result<std::unique_ptr<RecordReader>> read(const std::string& topic, PartitionId partition,
                                                     Offset from) = 0;
  // The offset that the next record of the partition will get.
  virtual Result<Offset> end_of(const std::string& topic, PartitionId partition) const = 0;
  // Committed position of a service: the next offset it will read. May wait for the end of an open cycle.
  virtual Result<Offset> position(const std::string& service, const std::string& topic,
                                  PartitionId partition) const = 0;
  // Every key of a keyspace of a service in committed state, from one consistent view; any order. The
  // visitor's views last for the call; it returns false to stop.
  using StateVisitor = std::function<bool(PartitionId, std::string_view key, std::string_view value)>;
  virtual Result<void> scan(const std::string& service, const std::string& keyspace,
                            const StateVisitor& visit) const = 0;
};

}  // namespace eventy
