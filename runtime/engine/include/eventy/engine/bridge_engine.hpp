// What a bridge decides: it polls the session, delivers batches under credits, gathers slices into commit
// cycles, and answers assignments, aborts and crashes. It returns actions; the bridge actor or a test carries
// them out. Owns the session; one thread at a time. Never waits for a partition.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "eventy/engine/cycle.hpp"
#include "eventy/engine/metrics.hpp"
#include "eventy/engine/restart_policy.hpp"
#include "eventy/engine/restores.hpp"
#include "eventy/engine/runtime.hpp"

namespace eventy {

struct BridgeOptions {
  CycleOptions cycle = {};
  PollLimits poll = {};
  std::size_t max_batches_in_flight = 4;  // of a partition; then it is paused at the store
  RestoreOptions restore = {};
  // While draining: when no cycle is committed for so long and some tasks still work, see held_up(). nullopt:
  // never.
  std::optional<Duration> hand_over_after = {};
  // Also when all tasks work: where they share threads, most may wait for a thread only.
  bool hands_over_all = false;
  CycleBackoffOptions cycle_backoff = {};
  std::shared_ptr<CommittedViews> views = {};  // of the service, for questions; null: nobody asks
};

namespace action {
struct StartTask {  // begin a task: a partition or a source
  TaskId task;
  Epoch epoch;
  std::shared_ptr<const StateReader> state;
};
struct StopTask {
  TaskId task;
};
struct Deliver {
  TaskId task;
  Epoch epoch;
  std::shared_ptr<const Batch> batch;
  Offset from = {};  // the task has the records before it
};
struct CommittedUpTo {
  TaskId task;
  Epoch epoch;
  SliceNumber up_to;
};
struct RewindTo {  // forget what is not committed; the task has a new epoch
  TaskId task;
  Epoch epoch;
};
}  // namespace action
using BridgeAction = std::variant<action::StartTask, action::StopTask, action::Deliver, action::CommittedUpTo,
                                  action::RewindTo>;

class BridgeEngine {
 public:
  BridgeEngine(std::shared_ptr<const ServiceRuntime> runtime, std::unique_ptr<StoreSession> session,
               BridgeOptions options, const Clock& clock,
               std::shared_ptr<BridgeMetrics> metrics = std::make_shared<BridgeMetrics>());
  ~BridgeEngine();
  BridgeEngine(const BridgeEngine&) = delete;
  BridgeEngine& operator=(const BridgeEngine&) = delete;

  const std::shared_ptr<const Routes>& routes() const;
  void on_ready(std::function<void()> wake);

  // One round: polls the store and commits if a commit is due. Throws Failure when the session is over; then
  // drop the engine and make one with a new session.
  std::vector<BridgeAction> step();
  // Takes a finished slice and writes its immediate outputs. A stale slice is dropped as a whole.
  std::vector<BridgeAction> accept(std::shared_ptr<const Slice> slice);
  // The outputs of at-most-once turns after the commit of `up_to`. Call it also when there are none.
  void deferred_done(TaskId task, Epoch epoch, SliceNumber up_to, const OutputBuffer& outputs);
  // A source found nothing, or a partition waits for a retry or a probe. This holds until its next slice.
  void task_waits(TaskId task, Epoch epoch);
  // Tasks crashed or were stopped. What is not committed is undone for all tasks. start_again() starts them
  // again.
  std::vector<BridgeAction> tasks_down(const std::vector<TaskId>& tasks);
  std::vector<BridgeAction> task_down(TaskId task) { return tasks_down({task}); }
  std::vector<BridgeAction> start_again(TaskId task);

  // Takes no more input. What is in hand is finished and committed.
  void drain();
  bool drained() const;
  // While draining: the tasks that hold up the partitions that are done, which could go to other nodes.
  // Empty: none do, or not for long.
  std::vector<TaskId> held_up() const;
  // Every topic is read to its end offset and committed, every source waits, and nothing is in flight.
  bool idle();
  bool has_tasks() const;
  std::uint64_t activity() const;  // grows with whatever may make work for another service
  std::optional<MonotonicTime> wake_at() const;
  bool wants_step() const;  // more is waiting than one round took
  BridgeStats stats() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace eventy
