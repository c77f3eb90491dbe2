// The port of a store: records, positions and state, with commits that cover all three. Implemented by the
// memory store here and by the adapters rocksdb and kafka; tests/conformance tests them all.
//
// All threads of a process share a RecordStore. A StoreSession belongs to one thread at a time (the
// bridge's). Any thread may use a StateReader.
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

class RecordWriter;
class TopicReader;

struct TopicSpec {
  std::string name;
  std::uint32_t partitions = 1;
};

// Whether a session calls write_now(). A store may show a topic only up to its first open cycle; in a session
// that uses write_now() it holds back the outputs of a cycle until the commit.
enum class OutputMode : std::uint8_t { transactional_and_immediate, transactional_only };

// Where a service begins in a topic partition that it has no position for. The store commits what comes of it
// as the first position, so that it is not decided anew.
struct StartPosition {
  enum class At : std::uint8_t { earliest, latest, date, offsets };
  At at = At::earliest;
  WallTime date = {};                // At::date: the first record of this date or a later one
  std::vector<Offset> offsets = {};  // At::offsets: of each partition
  friend bool operator==(const StartPosition&, const StartPosition&) = default;
};
struct StartPositions {
  StartPosition common = {};  // of topics that `topics` does not name
  std::map<std::string, StartPosition> topics = {};

  const StartPosition& of(const std::string& topic) const {
    const auto it = topics.find(topic);
    return it == topics.end() ? common : it->second;
  }
  friend bool operator==(const StartPositions&, const StartPositions&) = default;
};

struct SessionOptions {
  std::string service;  // sessions of one service share its partitions and positions
  // Stable name of the process. A session replaces an earlier one of the same node.
  std::string node = "node";
  // Every topic that is read or written, by TopicIndex.
  std::vector<std::string> topics = {};
  // Topics that are read. All must have the partition count of the first.
  std::vector<TopicIndex> inputs = {};
  std::vector<TopicIndex> independent_inputs =
      {};  // also read, but may differ in partition count (responses)
  // By KeyspaceIndex. Keyspaces belong to the service.
  std::vector<std::string> keyspaces = {};
  OutputMode output_mode = OutputMode::transactional_and_immediate;
  // How long a cycle usually stays open. A hint only: a store may send early what belongs to short cycles.
  std::optional<Duration> cycle_interval = {};
  StartPositions start = {};
  // The date of a record, for stores that keep none; nullopt: it has none. Any thread may call it.
  std::function<std::optional<WallTime>(const std::string& topic, const StoredRecord& record)> date_of = {};
};

// The committed state of one partition, as of the last commit that its session reported. After the partition
// was revoked or lost, get() fails with ErrorCode::fenced.
class StateReader {
 public:
  virtual ~StateReader() = default;
  virtual Result<std::optional<std::string>> get(KeyspaceIndex keyspace, std::string_view key) const = 0;
  // Where the state is stored, for errors: a folder, or a topic with its partition and offsets. Empty:
  // unknown.
  virtual std::string place() const { return {}; }
};

// --- events of poll() ---
// The session owns these partitions now, but must handle nothing before Restored.
struct Assigned {
  std::vector<PartitionId> partitions = {};
};
// Progress of a restore, for logs and metrics; between Assigned and Restored.
struct Restoring {
  PartitionId partition = {};
  // Records of the changelog that were read, and that there are. A store may count offsets, some of which
  // hold no record: only the ratio is exact.
  std::uint64_t done = 0, total = 0;
};
// The state as of the last commit is readable; records follow from the committed positions.
struct Restored {
  PartitionId partition = {};
  std::shared_ptr<const StateReader> state = {};
  std::uint64_t replayed = 0;  // records of the log that were read to restore it
  // The committed position of each topic that the partition reads, as of the state.
  std::vector<NextOffset> positions = {};
};
// Still owned: commit the work in progress, then call release().
struct Revoked {
  std::vector<PartitionId> partitions = {};
};
// No longer owned: drop the work in progress, then call release().
struct Lost {
  std::vector<PartitionId> partitions = {};
};
struct Records {
  std::shared_ptr<const Batch> batch = {};
};
// The cycle is durable. Readers see it soon; on Kafka once the transaction markers are written.
struct Committed {
  CycleId cycle = {};
};
// Nothing of the cycle is visible. The session has already gone back to the committed positions.
struct Aborted {
  CycleId cycle = {};
  Error reason = {};
};
// A commit was sent and its answer was lost: call resolve() before anything else.
struct UnknownOutcome {
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
  virtual ~StoreSession() = default;  // calls close()

  // Does not wait for records; after an abort it may wait for the store. Returns at most one Records for each
  // topic partition that is assigned, restored and not paused, in the order of offsets. An error ends the
  // session: open a new one.
  virtual Result<std::vector<StoreEvent>> poll(const PollLimits& limits) = 0;
  // Sets `wake`, which is called when poll() may return something new: from any thread, possibly with the
  // store's locks held. It must only post a message.
  virtual void on_ready(std::function<void()> wake) = 0;
  virtual void pause(PartitionId partition) = 0;  // its records stay in the store
  virtual void resume(PartitionId partition) = 0;

  // Adds a slice to the open cycle (begun by the first append after a commit or abort). An error names what
  // is wrong with this slice (too_large) and leaves the cycle as it was, or ends the session (fenced, io).
  // The slice is measured. The session may keep it until the cycle has ended, and so need not copy it.
  virtual Result<void> append(std::shared_ptr<const SliceEffects> slice) = 0;
  // Writes outputs at once, outside any cycle: they are stored and visible when this returns.
  virtual Result<void> write_now(const OutputBuffer& outputs) = 0;
  // Commits the open cycle. poll() returns the outcome as Committed, Aborted or UnknownOutcome, in the order
  // of commits. Until then commit() must not be called again; append() opens the next cycle.
  virtual Result<void> commit(CycleId cycle) = 0;
  // Aborts the open cycle, if any, and goes back to the committed positions of every partition.
  virtual Result<void> abort() = 0;
  // After UnknownOutcome: the outcome of the cycle. After `aborted`, the session has gone back as abort()
  // does.
  virtual Result<Outcome> resolve(CycleId cycle) = 0;

  virtual void release(const std::vector<PartitionId>& partitions) = 0;  // answers Revoked and Lost
  virtual std::uint32_t partition_count(TopicIndex topic) const = 0;
  // The most bytes of key and value of a record that the topic accepts.
  virtual std::size_t max_record_bytes(TopicIndex) const { return SIZE_MAX; }
  // True if the topic rejects records without a key.
  virtual bool needs_keys(TopicIndex) const { return false; }
  // The most bytes of key and value of a state that the store accepts.
  virtual std::size_t max_state_bytes() const { return SIZE_MAX; }
  // The most bytes of outputs and states in one cycle.
  virtual std::size_t max_cycle_bytes() const { return SIZE_MAX; }
  // True if every partition of this session was read to its end and all of it is committed.
  virtual Result<bool> at_end() = 0;
  virtual void close() = 0;  // aborts the open cycle
};

// Reads the committed records of one topic partition, independently of sessions, for tools and tests.
class RecordReader {
 public:
  virtual ~RecordReader() = default;
  // An empty batch: the end, for now.
  virtual Result<std::shared_ptr<const Batch>> next(const PollLimits& limits) = 0;
};

struct NewRecord {
  std::optional<std::string> key = {};
  std::string value = {};
  std::optional<PartitionId> partition = {};     // default: the key's partition; without a key 0
  Partitioner partitioner = Partitioner::crc32;  // the topic's: decides the key's partition
  std::vector<std::pair<std::string, std::string>> headers = {};
  bool tombstone = false;  // no value: `value` is ignored

  std::optional<std::string_view> value_or_null() const {
    return tombstone ? std::nullopt : std::optional<std::string_view>(value);
  }
};

// The optional behaviours of a store. The conformance suite requires all others of every store.
struct StoreFeatures {
  bool durable = false;                 // records survive the end of the process
  bool multiple_members = false;        // several sessions of one service share its partitions
  bool unknown_outcomes = false;        // a commit can end in UnknownOutcome
  bool arbitrary_names = true;          // names of topics and services may contain any bytes
  std::uint32_t files_per_session = 0;  // files and connections that each session may hold open
};

class RecordStore {
 public:
  virtual ~RecordStore() = default;
  virtual StoreFeatures features() const = 0;
  // Creates the topics that do not exist. Fails if a topic has another partition count; the error names it
  // and both counts.
  virtual Result<void> ensure_topics(const std::vector<TopicSpec>& topics) = 0;
  virtual Result<std::vector<TopicSpec>> topics() const = 0;
  // Fails unless all topics exist and `inputs` have equal partition counts; the error names the topics.
  virtual Result<std::unique_ptr<StoreSession>> open_session(const SessionOptions& options) = 0;
  // Stores the records before it returns. The offset of each record.
  virtual Result<std::vector<Offset>> append(const std::string& topic,
                                             const std::vector<NewRecord>& records) = 0;
  virtual Result<std::unique_ptr<RecordReader>> read(const std::string& topic, PartitionId partition,
                                                     Offset from) = 0;
  // For clients, which write from any thread and read responses. The store must outlive them. By default on
  // append() and read(); see record_writer.hpp and topic_reader.hpp, which callers include.
  virtual Result<std::unique_ptr<RecordWriter>> open_writer();
  virtual Result<std::unique_ptr<TopicReader>> open_topic_reader();
  // The offset of the partition's next record.
  virtual Result<Offset> end_of(const std::string& topic, PartitionId partition) const = 0;
  // The service's committed position: the next offset that it reads. May wait until an open cycle ends.
  virtual Result<Offset> position(const std::string& service, const std::string& topic,
                                  PartitionId partition) const = 0;
  // Visits every key of a service's keyspace in committed state, from one consistent view, in any order. The
  // views are valid during the call; the visitor returns false to stop.
  using StateVisitor = std::function<bool(PartitionId, std::string_view key, std::string_view value)>;
  virtual Result<void> scan(const std::string& service, const std::string& keyspace,
                            const StateVisitor& visit) const = 0;
};

}  // namespace eventy
