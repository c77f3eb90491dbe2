// The book of the commit cycles of a session: which slices the open cycle holds, which are in flight, when to
// commit. A plain class; owned by the bridge.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "eventy/engine/slice.hpp"

namespace eventy {

struct CycleOptions {
  // From one commit to the next; what comes after a longer pause is committed at once. The first one is made
  // so long after its first slice.
  Duration interval{100};
  std::size_t max_bytes = 16u << 20;  // of outputs and state; a cycle that holds more is committed at once
};

class CommitCycles {
 public:
  explicit CommitCycles(CycleOptions options) : options_(options) {}

  void open_task(TaskId task, Epoch epoch);  // the task counts from slice 1
  void close_task(TaskId task);
  bool has_task(TaskId task) const { return tasks_.contains(task); }
  std::optional<Epoch> epoch_of(TaskId task) const;

  enum class Verdict : std::uint8_t { take, stale };
  // Throws Failure (internal) for a gap: a slice is missing, and no commit would be right.
  Verdict judge(const Slice& slice) const;
  void add(const Slice& slice, MonotonicTime now);  // after `take`

  bool open() const { return opened_.has_value(); }
  bool in_flight() const { return flying_.has_value(); }
  // Something of it is in the open cycle or in the one in flight.
  bool holds(PartitionId partition) const;
  bool holds(TaskId task) const { return opened_tasks_.contains(task) || flying_tasks_.contains(task); }
  bool due(MonotonicTime now) const;
  // The open cycle holds all it may, and the one before is still in flight: no more should be begun.
  bool crowded() const { return flying_ && bytes_ >= options_.max_bytes; }
  std::optional<MonotonicTime> due_at() const;  // when due() becomes true by time alone
  CycleId begin_commit(MonotonicTime now);      // the open cycle is in flight from now on

  struct Done {
    TaskId task;
    Epoch epoch;
    SliceNumber up_to;
  };
  // The cycle in flight is durable. Tasks whose epoch has passed since then are left out.
  std::vector<Done> committed(CycleId cycle);
  // Neither the open cycle nor the one in flight happened. Tasks keep their epochs until open_task().
  void undone();

 private:
  struct TaskBook {
    Epoch epoch;
    std::uint64_t taken = 0;  // highest slice in any cycle
  };
  CycleOptions options_;
  std::map<TaskId, TaskBook> tasks_;
  std::uint64_t last_cycle_ = 0;
  std::optional<MonotonicTime> opened_, begun_;  // of the open cycle; the last commit
  std::size_t bytes_ = 0;
  std::map<TaskId, Done> opened_tasks_, flying_tasks_;
  std::optional<CycleId> flying_;
};

}  // namespace eventy
