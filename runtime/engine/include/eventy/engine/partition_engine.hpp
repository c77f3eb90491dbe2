// What a partition decides: runs the handlers over batches of records, owns the state of its keys, and hands
// out slices. No threads, no store session. Owned by one partition actor (or Bench); one thread at a time.
#pragma once

#include <optional>

#include "eventy/engine/runtime.hpp"
#include "eventy/engine/slice.hpp"
#include "eventy/engine/turn_watch.hpp"

namespace eventy {

struct PartitionStats {
  std::uint64_t records = 0, turns = 0, failed_turns = 0, retries = 0, dead_letters = 0, dropped = 0;
  std::uint64_t parked = 0, released = 0;  // records
  std::uint64_t pauses = 0;
};

class PartitionEngine final {
 public:
  PartitionEngine(std::shared_ptr<const Routes> routes, PartitionId partition, Epoch epoch,
                  std::shared_ptr<const StateReader> state, const Clock& clock,
                  std::shared_ptr<TurnWatch> watch = std::make_shared<TurnWatch>());
  ~PartitionEngine();
  PartitionEngine(const PartitionEngine&) = delete;
  PartitionEngine& operator=(const PartitionEngine&) = delete;

  // Queues its records from that offset on.
  void accept(std::shared_ptr<const Batch> batch, Offset from = {});

  struct Step {
    std::optional<Slice> slice = {};
    std::optional<MonotonicTime> wake = {};  // a retry waits until then: call step() again
    bool more = false;                       // work is left: call step() again
    bool waits = false;                      // for a retry or a probe, with records in hand
  };
  // Works through what is queued, up to one slice. A throw is a crash: the engine is of no further use.
  Step step();

  // The cycle that held all slices up to this one is durable: their at-most-once turns run now.
  // Returns what these write, to be written at once.
  OutputBuffer committed(SliceNumber up_to);
  // Nothing since the last commit happened: state is as of then, the queue is empty, slices count from 1
  // again.
  void rewind(Epoch epoch);

  // The records that are parked for the key are handled now, in order, at the next steps; nothing if it is
  // not parked.
  void release(std::string_view key);
  std::uint64_t parked(std::string_view key);  // records of the key that are parked

  // Answers a query from committed state. Throws DecodeError for a bad question, Failure for an unknown one.
  void answer(std::string_view query, std::string_view key, Reader& question, Writer& out);

  Epoch epoch() const { return epoch_; }
  const PartitionStats& stats() const;

 private:
  struct Parts;
  Slice end_slice();

  Epoch epoch_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace eventy
