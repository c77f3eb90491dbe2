// The book of the commit cycles of a session: which slices the open cycle and the cycle in flight hold, and
// when to commit. A plain class; owned by the bridge.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "eventy/engine/committed_views.hpp"
#include "eventy/engine/slice.hpp"

namespace eventy {

struct CycleOptions {
  // From one commit to the next. A slice that comes after a longer pause is committed at once. The first
  // cycle is committed so long after its first slice.
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
  // Throws Failure (internal) if a slice is missing: no commit would be right.
  Verdict judge(const Slice& slice) const;
  void add(const Slice& slice, MonotonicTime now);  // after `take`

  bool open() const { return opened_.has_value(); }
  bool in_flight() const { return flying_.has_value(); }
  // The open cycle or the one in flight holds a slice of it.
  bool holds(PartitionId partition) const;
  bool holds(TaskId task) const { return opened_tasks_.contains(task) || flying_tasks_.contains(task); }
  bool due(MonotonicTime now) const;
  // The open cycle is as large as it may be, and the last one is still in flight: no more work should begin.
  bool crowded() const { return flying_ && bytes_ >= options_.max_bytes; }
  std::optional<MonotonicTime> due_at() const;  // when time alone makes it due
  CycleId begin_commit(MonotonicTime now);      // puts the open cycle in flight

  struct Done {
    TaskId task;
    Epoch epoch;
    SliceNumber up_to;
  };
  // The cycle in flight is durable. Leaves out tasks that have a new epoch.
  std::vector<Done> committed(CycleId cycle);
  // The positions of the cycle that committed() was called for last.
  const CommittedViews::Positions& committed_positions() const { return committed_positions_; }
  // Drops the open cycle and the one in flight. Tasks keep their epochs until open_task().
  void undone();

 private:
  struct TaskBook {
    Epoch epoch;
    std::uint64_t taken = 0;  // highest slice in any cycle
  };
  CycleOptions options_;
  std::map<TaskId, TaskBook> tasks_;
  std::uint64_t last_cycle_ = 0;
  std::optional<MonotonicTime> opened_, begun_;  // the open cycle; the last commit
  std::size_t bytes_ = 0;
  std::map<TaskId, Done> opened_tasks_, flying_tasks_;
  CommittedViews::Positions opened_positions_ = {}, flying_positions_ = {}, committed_positions_ = {};
  std::optional<CycleId> flying_;
};

}  // namespace eventy
