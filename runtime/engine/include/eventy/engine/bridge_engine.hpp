// What a bridge decides: polls the session, hands out batches under credits, gathers slices into commit
// cycles, and answers assignments, aborts and crashes. It returns what is to be done; the bridge actor (or a
// test) does it. Owns the session; one thread at a time. Never waits for a partition.
#pragma once

#include <deque>
#include <set>
#include <variant>

#include "eventy/engine/cycle.hpp"
#include "eventy/engine/restart_policy.hpp"
#include "eventy/engine/restores.hpp"
#include "eventy/engine/runtime.hpp"

namespace eventy {

struct BridgeOptions {
  CycleOptions cycle = {};
  PollLimits poll = {};
  std::size_t max_batches_in_flight = 4;  // of a partition; beyond, it is paused at the store
  RestoreOptions restore = {};
  // While draining: when for so long nothing more was finished and some tasks are still at work, see
  // held_up(). nullopt: never.
  std::optional<Duration> hand_over_after = {};
  // Also when all tasks are at work: where they share threads, most may only wait for one.
  bool hands_over_all = false;
  CycleBackoffOptions cycle_backoff = {};
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
  Offset from = {};  // the task has those before it already
};
struct CommittedUpTo {
  TaskId task;
  Epoch epoch;
  SliceNumber up_to;
};
struct RewindTo {  // forget what was not committed; from now on the task's epoch is this one
  TaskId task;
  Epoch epoch;
};
}  // namespace action
using BridgeAction = std::variant<action::StartTask, action::StopTask, action::Deliver, action::CommittedUpTo,
                                  action::RewindTo>;

struct BridgeStats {
  std::uint64_t cycles = 0, aborted = 0, records = 0, stale_slices = 0, rewinds = 0;
  // Partitions whose states are being restored; changelog records that this takes still, and that were read
  // for it since the session began.
  std::uint64_t restoring = 0, to_restore = 0, restored = 0;
};

class BridgeEngine {
 public:
  BridgeEngine(std::shared_ptr<const ServiceRuntime> runtime, std::unique_ptr<StoreSession> session,
               BridgeOptions options, const Clock& clock);
  ~BridgeEngine();

  const std::shared_ptr<const Routes>& routes() const { return routes_; }
  void on_ready(std::function<void()> wake) { session_->on_ready(std::move(wake)); }

  // One round: what the store has, and a commit if one is due. Throws Failure when the session is over; then
  // a new session and a new BridgeEngine are needed.
  std::vector<BridgeAction> step();
  // A finished slice. Its immediate outputs are written here; stale ones are dropped whole.
  std::vector<BridgeAction> accept(std::shared_ptr<const Slice> slice);
  // What at-most-once turns wrote after the commit of `up_to`; sent also when it is empty.
  void deferred_done(TaskId task, Epoch epoch, SliceNumber up_to, const OutputBuffer& outputs);
  // A source found nothing, or a partition holds records that wait for a retry or a probe. True until its
  // next slice.
  void task_waits(TaskId task, Epoch epoch);
  // Tasks crashed, or were stopped with one that did: whatever is not committed is undone for all. Their
  // successors start through start_again().
  std::vector<BridgeAction> tasks_down(const std::vector<TaskId>& tasks);
  std::vector<BridgeAction> task_down(TaskId task) { return tasks_down({task}); }
  std::vector<BridgeAction> start_again(TaskId task);

  // No more input is taken; what is in hand is finished and committed.
  void drain();
  bool drained() const;
  // While draining: the tasks that hold up the others, which other nodes could handle. Empty: none do, or not
  // for long.
  std::vector<TaskId> held_up() const;
  // Every topic read to its end and committed, every source out of input, nothing in flight.
  bool idle();
  bool has_tasks() const { return !tasks_.empty(); }
  std::uint64_t activity() const {
    return activity_;
  }  // grows with all that could make work for another service
  std::optional<MonotonicTime> wake_at() const;
  bool wants_step() const { return step_again_; }  // more is waiting than one round took
  const BridgeStats& stats() const { return stats_; }

 private:
  struct TaskState {
    std::shared_ptr<const StateReader> state;
    std::size_t in_flight = 0;  // batches
    bool paused = false;
    bool down = false;
    bool leaving = false;  // revoked: what it has in hand counts, what it still sends does not
    bool waits = false;    // see task_waits()
    std::vector<std::uint64_t> deferred_slices;  // taken, their at-most-once turns not done
    std::map<TopicIndex, Offset> delivered;      // in its epoch: the next offset that it does not have
    bool missed = false;                         // it has to go back with the next abort
    bool is_done() const { return (in_flight == 0 || waits) && deferred_slices.empty(); }
  };
  void handle(Assigned& e);
  void handle(Restoring& e);
  void handle(Restored& e);
  void handle(Revoked& e);
  void handle(Lost& e);
  void handle(Records& e);
  void handle(Committed& e);
  void handle(Aborted& e);
  void handle(UnknownOutcome& e);
  void start(TaskId task, TaskState& state);
  void report_restores();
  void commit_if_due();
  void hold_back();  // takes no input while commits are slower than the partitions
  void undo_all();   // abort now, or as soon as the commit in flight is settled
  void go_back();    // session and tasks, to the last commit
  bool keeps_on(TaskId task, const TaskState& state) const;
  void go_back(TaskId task, TaskState& state);
  // What the store did not take is done again, after a rest where that was so before.
  void do_again(const Error& reason, const std::string& what, Duration least_rest = {});
  void rest(Duration wait);
  void works_again();
  // A slice for which the open cycle has no room any more: the cycle is committed, and what came since, this
  // slice with it, is done again.
  void close_full_cycle();
  void go_on_if_rested();
  // At once; false: the store takes nothing of this machine's date just now, and there is a rest, of at least
  // so long.
  bool write(const OutputBuffer& outputs, Duration least_rest = {});
  void leave(const std::vector<PartitionId>& partitions);
  void let_go();
  void check(const Result<void>& result);
  Epoch new_epoch() { return {++last_epoch_}; }

  std::shared_ptr<const ServiceRuntime> runtime_;
  std::unique_ptr<StoreSession> session_;
  std::shared_ptr<const Routes> routes_;
  BridgeOptions options_;
  const Clock& clock_;
  CommitCycles cycles_;
  Restores restores_;
  CycleBackoff cycle_backoff_;
  std::optional<MonotonicTime> rests_until_;  // then abort_wanted_: nothing is taken meanwhile
  bool clock_is_told_ = false;                // that it is wrong
  std::deque<OutputBuffer> late_;             // of at-most-once turns, which are not run again
  std::map<TaskId, TaskState> tasks_;
  std::vector<BridgeAction> actions_;
  std::vector<PartitionId> revoked_;
  std::uint64_t last_epoch_ = 0, activity_ = 0;
  MonotonicTime progressed_ = {};  // since it drains
  bool is_full_ = false;           // see close_full_cycle()
  bool abort_wanted_ = false, draining_ = false, step_again_ = false;
  bool crowded_ = false;    // so the partitions are paused
  bool went_back_ = false;  // in the round that is under way
  BridgeStats stats_;
};

}  // namespace eventy
