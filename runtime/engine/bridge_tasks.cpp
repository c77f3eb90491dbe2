#include "bridge_tasks.hpp"

#include <algorithm>

namespace eventy {

BridgeTasks::Task* BridgeTasks::find(TaskId task) {
  const auto it = tasks_.find(task);
  return it == tasks_.end() ? nullptr : &it->second;
}

BridgeTasks::Task* BridgeTasks::find(TaskId task, Epoch epoch) {
  return environment_.book.epoch_of(task) == epoch ? find(task) : nullptr;
}

bool BridgeTasks::all_are_done() const {
  return std::all_of(tasks_.begin(), tasks_.end(), [](const auto& task) { return task.second.is_done(); });
}

// --- of a partition and its sources ---

BridgeTasks::Task& BridgeTasks::start(TaskId id, std::shared_ptr<const StateReader> state) {
  const Epoch epoch = new_epoch();
  environment_.book.open_task(id, epoch);
  Task& task = tasks_[id];
  task.state = std::move(state);
  task.down = task.waits = task.missed = false;
  task.in_flight = 0;
  task.delivered.clear();
  task.deferred_slices.clear();
  environment_.actions.push_back(action::StartTask{id, epoch, task.state});
  return task;
}

void BridgeTasks::leave(const std::vector<PartitionId>& partitions) {
  for (auto& [id, task] : tasks_)
    if (std::find(partitions.begin(), partitions.end(), id.partition) != partitions.end())
      task.leaving = true;
}

void BridgeTasks::stop(PartitionId partition) {
  std::erase_if(tasks_, [&](const auto& task) {
    if (task.first.partition != partition) return false;
    environment_.book.close_task(task.first);
    environment_.actions.push_back(action::StopTask{task.first});
    return true;
  });
}

// --- batches and credits ---

void BridgeTasks::deliver(std::shared_ptr<const Batch> batch) {
  const TaskId id{batch->partition};
  Task* task = find(id);
  // A task that is down gets its records again: an abort precedes its start.
  if (!task || task->down || task->leaving) return;
  environment_.wants_step = true;
  Offset& delivered = task->delivered[batch->topic];
  if (batch->next <= delivered) return;  // the session went back, and the task did not
  const Offset from = std::exchange(delivered, batch->next);
  environment_.metrics->records.add(batch->records.size());
  if (++task->in_flight >= environment_.options.max_batches_in_flight && !task->paused) {
    task->paused = true;
    environment_.session->pause(id.partition);
  }
  environment_.actions.push_back(
      action::Deliver{id, *environment_.book.epoch_of(id), std::move(batch), from});
}

void BridgeTasks::took(Task& task, const Slice& slice) {
  if (slice.has_deferred) task.deferred_slices.push_back(slice.number.value);
  task.waits = false;
  task.in_flight -= std::min<std::size_t>(task.in_flight, slice.finished_batches);
  if (!task.paused || task.in_flight > environment_.options.max_batches_in_flight / 2) return;
  task.paused = false;
  if (!crowded_) environment_.session->resume(slice.task.partition);
  environment_.wants_step = true;
}

void BridgeTasks::pause_all() {
  for (auto& [id, task] : tasks_)
    if (!id.is_source() && !task.leaving && !std::exchange(task.paused, true))
      environment_.session->pause(id.partition);
}

void BridgeTasks::hold_back() {
  if (crowded_ == environment_.book.crowded()) return;
  crowded_ = !crowded_;
  for (const auto& [id, task] : tasks_) {
    if (id.is_source() || task.paused || task.leaving) continue;
    if (crowded_) {
      environment_.session->pause(id.partition);
    } else {
      environment_.session->resume(id.partition);
    }
  }
  environment_.wants_step = environment_.wants_step || !crowded_;
}

// --- rewinds ---

// All slices of the task are committed, and it makes the next one: nothing of that is undone. To do it again
// would cost the more the longer its handlers wait. The session reads again what the task already has.
bool BridgeTasks::keeps_on(TaskId id, const Task& task) const {
  const bool is_at_work = id.is_source() || task.in_flight > 0;
  return task.state && is_at_work && !task.down && !task.leaving && !task.missed &&
         !environment_.book.holds(id);
}

std::set<TaskId> BridgeTasks::that_keep_on() const {
  std::set<TaskId> keep;
  for (const auto& [id, task] : tasks_)
    if (keeps_on(id, task)) keep.insert(id);
  return keep;
}

void BridgeTasks::go_back(const std::set<TaskId>& keep) {
  for (auto& [id, task] : tasks_)
    if (task.state && !keep.contains(id)) go_back(id, task);
}

void BridgeTasks::go_back(TaskId id, Task& task) {
  const Epoch epoch = new_epoch();
  environment_.book.open_task(id, epoch);
  task.in_flight = 0;
  task.waits = task.missed = false;
  task.deferred_slices.clear();
  task.delivered.clear();
  if (std::exchange(task.paused, false)) environment_.session->resume(id.partition);
  if (!task.down) environment_.actions.push_back(action::RewindTo{id, epoch});
}

}  // namespace eventy
