// The actor of a bridge: a shell around a BridgeEngine, which owns the service's session with the store. It
// runs on a thread of its own, because commits block. It advances one step per message, woken by the store,
// by a slice or by a timer, and never waits for a task. If the session fails, the actor ends; its supervisor
// stops the tasks and starts a new bridge with a new session.
#pragma once

#include <atomic>

#include "../host.hpp"

namespace eventy::actors {

struct BridgeSetup {
  std::shared_ptr<const ServiceSetup> service;
  Ref<ToSupervisor> supervisor;
  std::shared_ptr<ServiceMetrics> metrics;
};

struct BridgeActor {
  using Receiver = ToBridge;
  using Setup = BridgeSetup;
  static inline const char* name = "bridge";

  void begin(BridgeSetup setup);
  void handle(const msg::Continue&) { *step_is_sent_ = false, step(); }
  void handle(const msg::Wake&) { wakes_at_.reset(), step(); }
  void handle(const msg::SliceFinished& m) { perform(engine_->accept(m.slice)), go_on(); }
  void handle(const msg::DeferredTurnsDone& m);
  void handle(const msg::TaskWaiting& m) { engine_->task_waits(m.task, m.epoch); }
  void handle(const msg::TaskStarted& m);
  void handle(const msg::TasksDown& m);
  void handle(const msg::TaskBackoffOver& m) { perform(engine_->start_again(m.task)), go_on(); }
  void handle(const msg::Drain&);
  void handle(const msg::AskStatus& m);
  void handle(const msg::End&) { self_.end(); }

  Self<ToBridge> self_ = {};

 private:
  using TaskMail = std::variant<msg::Deliver, msg::CommittedUpTo, msg::RewindTo, msg::StopPolling>;
  struct Child {
    Epoch started;                       // the epoch of the request to start it
    std::optional<TaskRef> actor = {};   // empty until the supervisor has started it
    std::vector<TaskMail> waiting = {};  // mail that waits for that
  };
  void open();
  void step();
  void perform(const std::vector<BridgeAction>& actions);
  void perform(const action::StartTask& a);
  void perform(const action::StopTask& a);
  void perform(const action::Deliver& a) { tell(a.task, msg::Deliver{a.epoch, a.batch, a.from}); }
  void perform(const action::CommittedUpTo& a) { tell(a.task, msg::CommittedUpTo{a.epoch, a.up_to}); }
  void perform(const action::RewindTo& a) { tell(a.task, msg::RewindTo{a.epoch}); }
  void tell(TaskId task, TaskMail mail);
  void post_to(const TaskRef& task, const TaskMail& mail) const;
  void go_on();
  void step_soon();

  BridgeSetup setup_ = {};
  std::map<TaskId, Child> children_ = {};
  std::shared_ptr<std::atomic<bool>> step_is_sent_ = std::make_shared<std::atomic<bool>>(false);
  std::optional<MonotonicTime> wakes_at_ = {};
  bool draining_ = false, reported_ = false;
  std::unique_ptr<BridgeEngine> engine_ = {};
};

}  // namespace eventy::actors
