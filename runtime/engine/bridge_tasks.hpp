// The tasks of a bridge: the epoch of each, what it has in hand, and the credits by which partitions get
// batches. Owned by one BridgeEngine; one thread.
//
// Invariants:
// - Each start and each rewind gives a task a new epoch.
// - In one epoch a task gets each record once, in order. When only the session goes back, the task gets the
//   records that it does not have.
// - The session polls nothing for a partition that has BridgeOptions::max_batches_in_flight batches in hand,
//   until half of them are finished. It polls for no partition while commits are slower than the partitions.
#pragma once

#include <set>

#include "bridge_environment.hpp"

namespace eventy {

class BridgeTasks {
 public:
  struct Task {
    std::shared_ptr<const StateReader> state;  // null: it is not restored yet
    std::size_t in_flight = 0;                 // batches
    bool paused = false;                       // the session polls nothing for it
    bool down = false;
    bool leaving = false;  // revoked: what it has in hand counts, what it still sends does not
    bool waits = false;    // see BridgeEngine::task_waits()
    std::vector<std::uint64_t> deferred_slices;  // taken, and their at-most-once turns are not done
    std::map<TopicIndex, Offset> delivered;      // in its epoch: the next offset that it does not have
    bool missed = false;                         // it goes back with the next abort
    bool is_done() const { return (in_flight == 0 || waits) && deferred_slices.empty(); }
  };
  using Tasks = std::map<TaskId, Task>;

  explicit BridgeTasks(BridgeEnvironment& environment) : environment_(environment) {}

  Tasks& all() { return tasks_; }
  const Tasks& all() const { return tasks_; }
  Task* find(TaskId task);               // null: it is unknown
  Task* find(TaskId task, Epoch epoch);  // null: it is unknown, or its epoch has passed
  bool all_are_done() const;

  // --- of a partition and its sources ---
  void add(PartitionId partition) { tasks_.try_emplace(TaskId{partition}); }
  Task& start(TaskId task, std::shared_ptr<const StateReader> state);
  void leave(const std::vector<PartitionId>& partitions);
  void stop(PartitionId partition);

  // --- batches and credits ---
  void deliver(std::shared_ptr<const Batch> batch);
  void took(Task& task, const Slice& slice);  // of the task, into the open cycle
  void pause_all();                           // until they go back
  void hold_back();                           // takes no input while commits are slower than the partitions

  // --- rewinds ---
  // Tasks that need not go back: what they have in hand is no part of what is undone.
  std::set<TaskId> that_keep_on() const;
  void go_back(const std::set<TaskId>& keep);

 private:
  Epoch new_epoch() { return {++last_epoch_}; }
  bool keeps_on(TaskId id, const Task& task) const;
  void go_back(TaskId id, Task& task);

  BridgeEnvironment& environment_;
  Tasks tasks_ = {};
  std::uint64_t last_epoch_ = 0;
  bool crowded_ = false;  // so the partitions are paused
};

}  // namespace eventy
