// The actor of a partition: a shell around a PartitionEngine that feeds it mail and passes its slices on. It
// runs on the scheduler, or on a thread of its own if handlers block. Mail of an old epoch is dropped. Any
// exception ends the actor with its text, and the supervisor decides.
#pragma once

#include "eventy/engine/partition_engine.hpp"
#include "task.hpp"

namespace eventy::actors {

struct PartitionActor {
  using Receiver = ToPartition;
  using Setup = TaskSetup;
  static inline const char* name = "partition";

  void begin(TaskSetup setup);
  void handle(const msg::Deliver& m);
  void handle(const msg::Continue&);
  void handle(const msg::CommittedUpTo& m);
  void handle(const msg::RewindTo& m);
  void handle(const msg::Query& m);
  void handle(const msg::End&) { self_.end(); }

  Self<ToPartition> self_ = {};

 private:
  // The first message makes it, so that an exception in its constructor is a failure like any other.
  PartitionEngine& engine();
  std::string answer(const msg::Query& m);
  void step_soon();

  TaskSetup setup_ = {};
  std::unique_ptr<PartitionEngine> engine_ = {};
  bool step_is_sent_ = false;
};

}  // namespace eventy::actors
