#include "supervisor.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "../bridge/bridge.hpp"
#include "../failure.hpp"
#include "../partition/partition.hpp"
#include "../partition/source.hpp"

namespace eventy::actors {

namespace {

std::string name_of(const ServiceRuntime& runtime, TaskId task) {
  if (task.is_source()) return "source " + runtime.plan().sources.at(task.source).name;
  return "partition " + std::to_string(task.partition.value);
}

ActorId id_of(const TaskRef& task) {
  return std::visit([](const auto& ref) { return ref.id(); }, task);
}

}  // namespace

void SupervisorActor::begin(SupervisorSetup setup) {
  setup_ = std::move(setup);
  metrics_ = setup_.board->metrics(setup_.service_number);
  supervision_ = Supervision(setup_.service->supervision, Supervision::FirstChild::owns_all);
  start_bridge();
}

void SupervisorActor::handle(const msg::RestartTasks& m) {
  if (m.bridge_number == bridge_number_) due_.insert(m.tasks.begin(), m.tasks.end());
  start_due_tasks();
}

void SupervisorActor::handle(const msg::RestartBridge& m) {
  bridge_is_due_ = m.bridge_number == bridge_number_;
  after_closing();
}

void SupervisorActor::handle(const msg::Drained& m) {
  const auto& runtime = *setup_.service->runtime;
  std::string names;
  for (const TaskId task : m.busy) names += (names.empty() ? "" : ", ") + name_of(runtime, task);
  if (const auto& log = runtime.options().log; log && !names.empty())
    log->warn(
        "service {}: {} delayed by handlers that do not return: all others are handed over now; the work of "
        "these handlers is aborted and redone by the next owner",
        runtime.plan().name, names + (m.busy.size() == 1 ? " is" : " are"));
  self_.post(setup_.root, msg::ServiceDrained{setup_.service_number, m.busy.empty()});
}

// --- starting ---

void SupervisorActor::start_bridge() {
  try {
    bridge_ = spawn<BridgeActor>(*self_.host, {Role::Kind::bridge, setup_.service_number}, RunsOn::own_thread,
                                 {setup_.service, self_.ref, metrics_}, self_.ref);
  } catch (...) {
    return bridge_failed(reason_of(failure_of(std::current_exception())));
  }
  if (draining_) self_.post(bridge_, msg::Drain{});
}

void SupervisorActor::handle(const msg::StartTask& m) {
  if (stopping_ || self_.sender != bridge_.id()) return;  // from a bridge that has failed since
  stop_task(m.task);
  if (is_closing(m.task)) {
    waiting_.emplace(m.task, m);
  } else {
    start_task(m);
  }
}

void SupervisorActor::start_task(const msg::StartTask& m) {
  try {
    tasks_[m.task] = spawn_task(m);
  } catch (...) {
    return task_failed(m.task, reason_of(failure_of(std::current_exception())));
  }
  self_.post(bridge_, msg::TaskStarted{m.task, m.epoch, tasks_[m.task]});
}

// A handler that does not return keeps its task's old actor busy. A second actor would start the same record
// in parallel, and one more with each rebalance.
void SupervisorActor::start_waiting_tasks() {
  const auto is_ready = [&](const auto& entry) { return !is_closing(entry.first); };
  for (;;) {
    const auto next = std::find_if(waiting_.begin(), waiting_.end(), is_ready);
    if (next == waiting_.end()) return;
    start_task(waiting_.extract(next).mapped());  // if it throws, the others may no longer be wanted
  }
}

bool SupervisorActor::is_closing(std::optional<TaskId> child) const {
  return std::any_of(closing_.begin(), closing_.end(), [&](const auto& c) { return c.second == child; });
}

TaskRef SupervisorActor::spawn_task(const msg::StartTask& m) {
  const ServiceSetup& service = *setup_.service;
  const RunsOn runs_on = service.is_blocking ? RunsOn::own_thread : RunsOn::scheduler;
  const TaskSetup setup{
      m.task,
      m.epoch,
      m.routes,
      m.state,
      bridge_,
      service.source_slices_in_flight,
      service.source_records_per_poll,
      setup_.watchdog->watch(setup_.service_number, service.runtime, m.task, service.turns,
                             service.is_blocking ? Watchdog::Runs::on_its_own : Watchdog::Runs::on_a_worker),
      metrics_};
  const Role role{Role::Kind::task, setup_.service_number, m.task};
  if (m.task.is_source()) return spawn<SourceActor>(*self_.host, role, RunsOn::own_thread, setup, self_.ref);
  return spawn<PartitionActor>(*self_.host, role, runs_on, setup, self_.ref);
}

// --- ending ---

void SupervisorActor::stop_task(TaskId task) {
  due_.erase(task);
  waiting_.erase(task);
  const auto it = tasks_.find(task);
  if (it == tasks_.end()) return;
  close(it->second, task);
  tasks_.erase(it);
}

void SupervisorActor::close(const TaskRef& child, TaskId task) {
  closing_[id_of(child)] = task;
  std::visit([this](const auto& ref) { self_.post(ref, msg::End{}); }, child);
}

void SupervisorActor::close_all() {
  ++bridge_number_;
  due_.clear();
  waiting_.clear();
  for (const auto& [task, child] : tasks_) close(child, task);
  tasks_.clear();
  if (!bridge_) return;
  closing_[bridge_.id()] = std::nullopt;
  self_.post(std::exchange(bridge_, {}), msg::End{});
}

void SupervisorActor::stop() {
  stopping_ = true;
  close_all();
  after_closing();
}

// Does what had to wait until children ended: ending until all have, a new bridge until the old one has, a
// task until its predecessor has. So a handler that does not return holds up no other partition.
void SupervisorActor::after_closing() {
  start_due_tasks();
  if (stopping_) {
    if (closing_.empty()) gave_up_ ? self_.actor->quit(*gave_up_) : self_.actor->quit();
  } else if (bridge_is_due_ && !is_closing(std::nullopt)) {
    bridge_is_due_ = false;
    start_bridge();
  }
  start_waiting_tasks();
}

// --- failures ---

void SupervisorActor::handle(const msg::Down& m) {
  if (closing_.erase(m.child) > 0) return after_closing();
  if (bridge_ && m.child == bridge_.id()) return bridge_failed(m.reason);
  for (const auto& [task, child] : tasks_)
    if (m.child == id_of(child)) return task_failed(TaskId(task), m.reason);
}

void SupervisorActor::task_failed(TaskId task, const EndReason& reason) {
  tasks_.erase(task);
  if (reason.code == ErrorCode::fenced) return task_was_taken_away(task);
  const auto decision = judge(Supervision::child(task), name_of(*setup_.service->runtime, task), reason);
  if (!decision) return;
  count_restart(task);
  const auto& with_it = decision->with_it;
  const bool takes_bridge = std::find(with_it.begin(), with_it.end(), Supervision::bridge) != with_it.end();
  takes_bridge ? restart_all(decision->wait) : restart_tasks(task, *decision);
}

// The partition moved to another node while the task worked, and its state with it. That is not a failure and
// not counted, however often partitions move; a duplicate fences the whole session, not one task. The bridge
// releases the partition before the wait is over; otherwise the task is restarted.
void SupervisorActor::task_was_taken_away(TaskId task) {
  if (const auto& log = setup_.service->runtime->options().log)
    log->debug("service {}: {} was revoked while it worked", setup_.service->runtime->plan().name,
               name_of(*setup_.service->runtime, task));
  self_.post(bridge_, msg::TasksDown{{task}});
  self_.post(self_.ref, msg::RestartTasks{{task}, bridge_number_},
             setup_.service->supervision.restarts.first_backoff);
}

void SupervisorActor::bridge_failed(const EndReason& reason) {
  bridge_ = {};
  close_all();
  const auto decision = judge(Supervision::bridge, "bridge", reason);
  if (!decision) return;
  metrics_->supervision().bridge_restarts.add();
  restart_all(decision->wait);
}

// The strategy's decision; nullopt: this service has given up.
std::optional<Supervision::Decision> SupervisorActor::judge(Supervision::Child child, const std::string& what,
                                                            const EndReason& reason) {
  const auto& restarts = setup_.service->supervision.restarts;
  const auto& [text, error_class, code, in_order] = reason;
  metrics_->count_failure(error_class);
  std::vector<Supervision::Child> running;
  if (bridge_) running.push_back(Supervision::bridge);
  for (const auto& task : tasks_) running.push_back(Supervision::child(task.first));
  auto decision = supervision_.failed(child, self_.now(), code, running);
  switch (decision.verdict) {
    case RestartPolicy::Verdict::restart:
      if (const auto& log = setup_.service->runtime->options().log)
        log->error("service {}: {} failed: {}; restarting it{} in {} ms ({} of {} restarts within {} ms)",
                   setup_.service->runtime->plan().name, what, text,
                   decision.with_it.empty() ? "" : fmt::format(" with {} others", decision.with_it.size()),
                   decision.wait.count(), supervision_.recent(), restarts.intensity, restarts.period.count());
      return decision;
    case RestartPolicy::Verdict::too_many:
      give_up(what + " failed again after " + std::to_string(supervision_.recent() - 1) +
                  " restarts within " + std::to_string(restarts.period.count()) + " ms, giving up: " + text,
              code, decision.verdict);
      break;
    case RestartPolicy::Verdict::is_permanent:
      give_up(what + " failed, and no restart can help: " + text, code, decision.verdict);
      break;
    case RestartPolicy::Verdict::has_duplicate:
      give_up(what + " was fenced twice within " + std::to_string(restarts.duplicate_window.count()) +
                  " ms: does another process run with the same [node] id? " + text,
              code, decision.verdict);
      break;
  }
  return std::nullopt;
}

// The root is told before the children have ended: one that hangs must not delay the end of the process.
void SupervisorActor::give_up(const std::string& why, std::optional<ErrorCode> code,
                              RestartPolicy::Verdict verdict) {
  const std::string text = "service " + setup_.service->runtime->plan().name + ": " + why;
  gave_up_ = make_failure(text, code);
  metrics_->supervision().escalations.add();
  self_.post(setup_.root,
             msg::GaveUp{setup_.service_number, text, code, verdict != RestartPolicy::Verdict::too_many});
  stop();
}

// --- restarts ---

void SupervisorActor::restart_all(Duration wait) {
  close_all();
  self_.post(self_.ref, msg::RestartBridge{bridge_number_}, wait);
}

// The bridge aborts what is not committed, and asks for the tasks when their backoff is over.
void SupervisorActor::restart_tasks(TaskId failed, const Supervision::Decision& decision) {
  std::vector<TaskId> tasks{failed};
  for (const auto& entry : tasks_) {
    const auto child = Supervision::child(entry.first);
    if (std::find(decision.with_it.begin(), decision.with_it.end(), child) != decision.with_it.end())
      tasks.push_back(entry.first);
  }
  for (std::size_t i = 1; i < tasks.size(); ++i) {
    stop_task(tasks[i]);
    count_restart(tasks[i]);
  }
  self_.post(bridge_, msg::TasksDown{tasks});
  self_.post(self_.ref, msg::RestartTasks{std::move(tasks), bridge_number_}, decision.wait);
}

void SupervisorActor::start_due_tasks() {
  std::erase_if(due_, [&](TaskId task) {
    if (is_closing(task)) return false;
    self_.post(bridge_, msg::TaskBackoffOver{task});
    return true;
  });
}

void SupervisorActor::count_restart(TaskId task) const {
  auto& restarts = metrics_->supervision();
  (task.is_source() ? restarts.source_restarts : restarts.partition_restarts).add();
}

// --- queries and orders ---

void SupervisorActor::handle(const msg::Drain&) {
  draining_ = true;
  self_.post(bridge_, msg::Drain{});
}

void SupervisorActor::handle(const msg::AskStatus& m) {
  if (bridge_) {
    self_.post(bridge_, m);
  } else {
    self_.post(m.asker, msg::Status{m.service, m.round, false, 0});
  }
}

}  // namespace eventy::actors
