#include "eventy/engine/cycle.hpp"

#include <algorithm>

#include "eventy/core/result.hpp"

namespace eventy {

void CommitCycles::open_task(TaskId task, Epoch epoch) { tasks_[task] = {epoch, 0}; }

void CommitCycles::close_task(TaskId task) { tasks_.erase(task); }

std::optional<Epoch> CommitCycles::epoch_of(TaskId task) const {
  const auto it = tasks_.find(task);
  if (it == tasks_.end()) return std::nullopt;
  return it->second.epoch;
}

CommitCycles::Verdict CommitCycles::judge(const Slice& slice) const {
  const auto it = tasks_.find(slice.task);
  if (it == tasks_.end() || it->second.epoch != slice.epoch) return Verdict::stale;
  if (slice.number.value != it->second.taken + 1)
    throw Failure({ErrorCode::internal, "partition " + std::to_string(slice.task.partition.value) +
                                            ": slice " + std::to_string(slice.number.value) +
                                            " came after slice " + std::to_string(it->second.taken)});
  return Verdict::take;
}

void CommitCycles::add(const Slice& slice, MonotonicTime now) {
  auto& book = tasks_.at(slice.task);
  book.taken = slice.number.value;
  if (!opened_) opened_ = now;
  bytes_ += slice.effects.size;
  opened_tasks_[slice.task] = {slice.task, slice.epoch, slice.number};
  for (const auto& [topic, next] : slice.effects.positions)
    opened_positions_[slice.effects.partition][topic] = next;
}

bool CommitCycles::holds(PartitionId partition) const {
  const auto is_of_it = [&](const auto& task) { return task.first.partition == partition; };
  return std::any_of(opened_tasks_.begin(), opened_tasks_.end(), is_of_it) ||
         std::any_of(flying_tasks_.begin(), flying_tasks_.end(), is_of_it);
}

bool CommitCycles::due(MonotonicTime now) const {
  return opened_ && !flying_ && (bytes_ >= options_.max_bytes || now >= *due_at());
}

std::optional<MonotonicTime> CommitCycles::due_at() const {
  if (!opened_) return std::nullopt;
  return std::max(*opened_, begun_.value_or(*opened_) + options_.interval);
}

CycleId CommitCycles::begin_commit(MonotonicTime now) {
  begun_ = now;
  flying_ = CycleId{++last_cycle_};
  flying_tasks_ = std::move(opened_tasks_);
  opened_tasks_.clear();
  flying_positions_ = std::exchange(opened_positions_, {});
  opened_.reset();
  bytes_ = 0;
  return *flying_;
}

std::vector<CommitCycles::Done> CommitCycles::committed(CycleId cycle) {
  if (flying_ != cycle)
    throw Failure({ErrorCode::internal, "the store reports cycle " + std::to_string(cycle.value) +
                                            " as committed, which is not in flight"});
  flying_.reset();
  std::vector<Done> done;
  for (const auto& [task, d] : flying_tasks_)
    if (epoch_of(task) == d.epoch) done.push_back(d);
  flying_tasks_.clear();
  committed_positions_ = std::exchange(flying_positions_, {});
  return done;
}

void CommitCycles::undone() {
  flying_.reset();
  flying_tasks_.clear();
  opened_tasks_.clear();
  flying_positions_.clear();
  opened_positions_.clear();
  opened_.reset();
  bytes_ = 0;
}

}  // namespace eventy
