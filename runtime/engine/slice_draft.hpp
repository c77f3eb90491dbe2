// The slice in the making. Kinds of work add to it until it is full. Owned by one PartitionEngine; one
// thread.
//
// Invariants:
// - Slices are numbered without gaps, from 1 after each rewind().
// - A slice is full when it holds Routes::max_slice_bytes bytes, when it holds
//   RuntimeOptions::max_records_per_slice inputs, and when it has taken RuntimeOptions::max_time_per_slice. A
//   slice that takes longer would hold up its own commit and a rebalance.
#pragma once

#include "partition_environment.hpp"

namespace eventy {

class SliceDraft {
 public:
  explicit SliceDraft(const PartitionEnvironment& environment) : environment_(environment) {}

  // `work`: reserves memory for a slice as large as the last one.
  enum class Expected : std::uint8_t { nothing, work };
  void begin(Epoch epoch, Expected expected);
  bool is_full() const {
    if (slice_.effects.outputs.bytes.size() + state_bytes_ >= environment_.routes->max_slice_bytes)
      return true;
    if (handled_ >= environment_.runtime.options().max_records_per_slice) return true;
    return handled_ > 0 && handled_ % inputs_per_read_ == 0 && has_taken_long();
  }
  bool has_work() const { return handled_ > 0 || slice_.finished_batches > 0; }
  Slice end();
  void rewind() { number_ = 1; }

  std::uint64_t number() const { return number_; }  // that end() gives it
  OutputBuffer& outputs() { return slice_.effects.outputs; }
  OutputBuffer& immediate() { return slice_.immediate; }
  std::vector<StateChange>& state() { return slice_.effects.state; }

  void handled() { ++handled_; }                        // an input, of any kind
  void read_record() { ++slice_.records, ++handled_; }  // handled, and read from a topic
  void finished_batch() { ++slice_.finished_batches; }
  void moved_to(TopicIndex topic, Offset next);  // the next offset to read
  bool has_position(TopicIndex topic) const;
  void staged_state(std::size_t bytes) { state_bytes_ += bytes; }  // roughly
  void has_deferred() { slice_.has_deferred = true; }

 private:
  bool has_taken_long() const;

  const PartitionEnvironment& environment_;
  Slice slice_ = {};
  std::uint64_t number_ = 1, handled_ = 0;
  std::size_t state_bytes_ = 0;                        // of states and parked rows, roughly
  std::size_t output_bytes_ = 0, output_entries_ = 0;  // of the last slice
  std::size_t inputs_per_read_ = 1;                    // of the clock, from the last slice's length
};

}  // namespace eventy
