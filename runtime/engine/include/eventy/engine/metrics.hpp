// The metrics of a service: what its tasks count, and plain copies of it (`Stats`, `ServiceCounts`) for
// readers. A task owns its metrics and writes them with plain stores: no lock, no clock. Any thread may read
// them at any time; the figures of one copy may be some moments apart.
//
// A counter never goes down while the node runs. A task that is restarted goes on with the metrics of its
// predecessor, which has ended by then. What is repeated after an undone cycle is counted again.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "eventy/engine/slice.hpp"

namespace eventy {

// Only goes up. One thread at a time writes it.
class Counter {
 public:
  void add(std::uint64_t count = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

// Goes up and down. One thread at a time writes it.
class Gauge {
 public:
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

// Tasks on different threads write next to each other: each has cache lines of its own.
inline constexpr std::size_t metrics_alignment = 64;

// --- a partition ---

struct PartitionStats {
  std::uint64_t records = 0;       // read and settled: handled, dropped, parked or a dead letter
  std::uint64_t turns = 0;         // of all handlers; those of retries too
  std::uint64_t failed_turns = 0;  // of all handlers
  std::uint64_t retries = 0;       // that were scheduled
  std::uint64_t dead_letters = 0;  // records
  std::uint64_t dropped = 0;       // records: responses for other services
  std::uint64_t parked = 0;        // records
  std::uint64_t released = 0;      // parked records that were tried again
  std::uint64_t pauses = 0;        // of the partition
  PartitionStats& operator+=(const PartitionStats& other);
  friend bool operator==(const PartitionStats&, const PartitionStats&) = default;
};

struct alignas(metrics_alignment) PartitionMetrics {
  Counter records, turns, failed_turns, retries, dead_letters, dropped, parked, released, pauses;
  PartitionStats snapshot() const;
};

// --- a source ---

struct SourceStats {
  std::uint64_t records = 0;       // emitted; dead letters too
  std::uint64_t dead_letters = 0;  // pieces of input
  SourceStats& operator+=(const SourceStats& other);
  friend bool operator==(const SourceStats&, const SourceStats&) = default;
};

struct alignas(metrics_alignment) SourceMetrics {
  Counter records, dead_letters;
  SourceStats snapshot() const;
};

// --- a bridge ---

struct BridgeStats {
  std::uint64_t cycles = 0;        // committed
  std::uint64_t aborted = 0;       // cycles that the store aborted
  std::uint64_t records = 0;       // delivered to partitions
  std::uint64_t stale_slices = 0;  // dropped: of an old epoch, or of an undone cycle
  std::uint64_t rewinds = 0;       // of the session, to the last commit
  std::uint64_t restored = 0;      // changelog records that were read to restore states
  std::uint64_t restoring = 0;     // now: partitions whose states are being restored
  std::uint64_t to_restore = 0;    // now: changelog records that this still takes
  friend bool operator==(const BridgeStats&, const BridgeStats&) = default;
};

struct alignas(metrics_alignment) BridgeMetrics {
  Counter cycles, aborted, records, stale_slices, rewinds, restored;
  Gauge restoring, to_restore;
  BridgeStats snapshot() const;
};

// --- a supervisor, with the root and the watchdog ---

struct SupervisionStats {
  // If a bridge or the service is restarted, the parts below it are not counted again.
  std::uint64_t partition_restarts = 0, source_restarts = 0, bridge_restarts = 0, service_restarts = 0;
  std::uint64_t escalations = 0;  // how often the supervisor gave up
  // Handlers that ran longer than the warning, and than the limit.
  std::uint64_t slow_handlers = 0, stuck_handlers = 0;
  friend bool operator==(const SupervisionStats&, const SupervisionStats&) = default;
};

// The supervisor writes the restarts of its children and the escalations, the root those of the service, the
// watchdog's thread the handlers.
struct SupervisionMetrics {
  Counter partition_restarts, source_restarts, bridge_restarts, service_restarts, escalations, slow_handlers,
      stuck_handlers;
  SupervisionStats snapshot() const;
};

// --- a service ---

// Counts of what happened in a service since the node started.
struct ServiceCounts : SupervisionStats {
  std::string service = {};
  std::map<std::string, std::uint64_t> failures = {};  // of tasks and bridges, by class of error
  PartitionStats of_partitions = {};                   // sums over all partitions and sources …
  SourceStats of_sources = {};
  std::map<PartitionId, PartitionStats> by_partition = {};  // … and of each that the node has had
  BridgeStats of_bridge = {};
};

// The metrics of a service's tasks beyond their restarts. A task gets its own when it starts. Any thread may
// call it.
class ServiceMetrics {
 public:
  explicit ServiceMetrics(std::string service) : service_(std::move(service)) {}
  ServiceMetrics(const ServiceMetrics&) = delete;
  ServiceMetrics& operator=(const ServiceMetrics&) = delete;

  // For a task that is about to start: the same at each call for the same task.
  std::shared_ptr<PartitionMetrics> partition(PartitionId partition);
  std::shared_ptr<SourceMetrics> source(TaskId task);
  std::shared_ptr<BridgeMetrics> bridge() const { return bridge_; }
  SupervisionMetrics& supervision() { return supervision_; }
  void count_failure(const std::string& error_class);

  ServiceCounts snapshot() const;

 private:
  const std::string service_;
  const std::shared_ptr<BridgeMetrics> bridge_ = std::make_shared<BridgeMetrics>();
  SupervisionMetrics supervision_ = {};
  mutable std::mutex mutex_ = {};  // guards the maps, not what they point to
  std::map<PartitionId, std::shared_ptr<PartitionMetrics>> partitions_ = {};
  std::map<TaskId, std::shared_ptr<SourceMetrics>> sources_ = {};
  std::map<std::string, std::uint64_t> failures_ = {};
};

}  // namespace eventy
