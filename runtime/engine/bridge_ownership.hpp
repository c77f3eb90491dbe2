// The partitions that are assigned to the session of a bridge, from assign to release. Owned by one
// BridgeEngine; one thread.
//
// Invariants:
// - The tasks of a partition start when its states are restored, not before.
// - A revoked partition is released as soon as no cycle holds anything of it, and takes no input until then.
//   The cycles of the other partitions go on.
// - Of a lost partition nothing more is committed.
#pragma once

#include "bridge_cycles.hpp"

namespace eventy {

class BridgeOwnership {
 public:
  BridgeOwnership(BridgeEnvironment& environment, BridgeTasks& tasks, BridgeCycles& cycles)
      : environment_(environment), tasks_(tasks), cycles_(cycles), restores_(environment.options.restore) {}

  void assigned(const Assigned& e);
  void restoring(const Restoring& e);
  void restored(const Restored& e);
  void revoked(const Revoked& e);
  void lost(const Lost& e);

  // Starts a task from committed state.
  void start(TaskId task, std::shared_ptr<const StateReader> state);
  // Releases revoked partitions that no cycle holds.
  void let_go();
  void report_restores();

 private:
  void leave(const std::vector<PartitionId>& partitions);

  BridgeEnvironment& environment_;
  BridgeTasks& tasks_;
  BridgeCycles& cycles_;
  Restores restores_;
};

}  // namespace eventy
