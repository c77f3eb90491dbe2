// What a partition decides: it runs handlers over batches of records, owns the state of its keys, and returns
// slices. It has no thread and no store session. Owned by one partition actor or Bench; one thread at a time.
#pragma once

#include <optional>

#include "eventy/engine/metrics.hpp"
#include "eventy/engine/runtime.hpp"
#include "eventy/engine/slice.hpp"
#include "eventy/engine/turn_watch.hpp"

namespace eventy {

class PartitionEngine final {
 public:
  PartitionEngine(std::shared_ptr<const Routes> routes, PartitionId partition, Epoch epoch,
                  std::shared_ptr<const StateReader> state, const Clock& clock,
                  std::shared_ptr<TurnWatch> watch = std::make_shared<TurnWatch>(),
                  std::shared_ptr<PartitionMetrics> metrics = std::make_shared<PartitionMetrics>());
  ~PartitionEngine();
  PartitionEngine(const PartitionEngine&) = delete;
  PartitionEngine& operator=(const PartitionEngine&) = delete;

  // Queues the records of the batch from an offset on.
  void accept(std::shared_ptr<const Batch> batch, Offset from = {});

  struct Step {
    std::optional<Slice> slice = {};
    std::optional<MonotonicTime> wake = {};  // an input waits: call step() again then
    bool more = false;                       // work is left: call step() again
    bool waits = false;                      // an input waits for a retry or a probe
  };
  // Handles what is queued, up to one slice. If it throws, the task has crashed: drop the engine.
  Step step();

  // All slices up to this one are committed: their at-most-once turns run now. Returns their outputs, to be
  // written at once.
  OutputBuffer committed(SliceNumber up_to);
  // Goes back to the last commit and drops the queue. Slices count from 1 again.
  void rewind(Epoch epoch);

  // The next steps handle the parked records of the key, in order. Does nothing for a key that is not parked.
  void release(std::string_view key);
  std::uint64_t parked(std::string_view key);  // parked records of the key

  // Answers a query from committed state. Throws DecodeError for a bad question, Failure for an unknown one.
  void answer(std::string_view query, std::string_view key, Reader& question, Writer& out);

  Epoch epoch() const { return epoch_; }
  PartitionStats stats() const;  // with those of its predecessors, whose metrics it got

 private:
  struct Parts;
  Slice end_slice();

  Epoch epoch_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace eventy
