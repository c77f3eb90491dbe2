// The actor of a partition: a shell that owns a PartitionEngine, feeds it its mail and passes its slices on.
// Runs on the scheduler, or on a thread of its own where handlers block. Mail of an old epoch is dropped. Any
// exception is a crash: it quits with the text, and the supervisor decides.
#pragma once

#include "eventy/engine/partition_engine.hpp"
#include "lane.hpp"

namespace eventy::actors {

class PartitionState {
 public:
  explicit PartitionState(caf::event_based_actor* self) : self_(self) {}
  caf::behavior begin(LaneSetup setup);
  static inline const char* name = "partition";

 private:
  PartitionEngine& engine();  // made by the first message: what it throws then is a crash like any other
  void deliver(const msg::Deliver& m);
  void step();
  void committed(const msg::CommittedUpTo& m);
  void rewind(const msg::RewindTo& m);
  caf::result<std::string> answer(const msg::Query& m);
  void step_soon();

  caf::event_based_actor* self_;
  LaneSetup setup_ = {};
  std::unique_ptr<PartitionEngine> engine_ = {};
  bool step_is_sent_ = false;
};

caf::behavior partition(caf::stateful_actor<PartitionState>* self, const LaneSetup& setup);

}  // namespace eventy::actors
