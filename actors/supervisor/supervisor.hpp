// The actor that keeps one service alive: it starts the service's bridge and, for the bridge, its tasks. It
// watches them and restarts what fails, with those that its strategy names, after an increasing backoff. If a
// bridge fails, its tasks are stopped too, because they belong to its session. If failures are too frequent,
// or no restart can help, it tells the root at once, ends its children and then itself.
#pragma once

#include <set>

#include "../host.hpp"
#include "board.hpp"
#include "eventy/actors/node_system.hpp"
#include "eventy/engine/watchdog.hpp"

namespace eventy::actors {

struct SupervisorSetup {
  std::size_t service_number;
  std::shared_ptr<const ServiceSetup> service;
  Ref<ToRoot> root;  // is told when the service is drained and when it has given up
  std::shared_ptr<Board> board;
  std::shared_ptr<Watchdog> watchdog;
};

struct SupervisorActor {
  using Receiver = ToSupervisor;
  using Setup = SupervisorSetup;
  static inline const char* name = "supervisor";

  void begin(SupervisorSetup setup);
  void handle(const msg::StartTask& m);
  void handle(const msg::StopTask& m) { stop_task(m.task); }
  void handle(const msg::Drained& m);
  void handle(const msg::RestartTasks& m);
  void handle(const msg::RestartBridge& m);
  void handle(const msg::Down& m);
  void handle(const msg::Drain&);
  void handle(const msg::AskStatus& m);
  void handle(const msg::Stop&) { stop(); }

  Self<ToSupervisor> self_ = {};

 private:
  void start_bridge();
  void start_task(const msg::StartTask& m);
  void start_waiting_tasks();
  TaskRef spawn_task(const msg::StartTask& m);
  void stop_task(TaskId task);
  void close(const TaskRef& child, TaskId task);
  void close_all();
  void task_failed(TaskId task, const EndReason& reason);
  void task_was_taken_away(TaskId task);
  void bridge_failed(const EndReason& reason);
  std::optional<Supervision::Decision> judge(Supervision::Child child, const std::string& what,
                                             const EndReason& reason);
  void give_up(const std::string& why, std::optional<ErrorCode> code, RestartPolicy::Verdict verdict);
  void restart_all(Duration wait);
  void restart_tasks(TaskId failed, const Supervision::Decision& decision);
  void start_due_tasks();
  void count_restart(TaskId task) const;
  void stop();
  void after_closing();
  bool is_closing(std::optional<TaskId> child) const;  // nullopt: a bridge

  SupervisorSetup setup_ = {};
  std::shared_ptr<ServiceMetrics> metrics_ = {};
  Supervision supervision_{{}, Supervision::FirstChild::owns_all};
  Ref<ToBridge> bridge_ = {};
  std::map<TaskId, TaskRef> tasks_ = {};
  // Children that were told to end and have not ended; nullopt: a bridge.
  std::map<ActorId, std::optional<TaskId>> closing_ = {};
  std::map<TaskId, msg::StartTask> waiting_ = {};  // to be started when their predecessors are gone
  std::set<TaskId> due_ = {};                      // to be restarted when their predecessors are gone
  std::uint64_t bridge_number_ = 0;                // of the bridge
  bool bridge_is_due_ = false, draining_ = false, stopping_ = false;
  std::optional<caf::error> gave_up_ = {};
};

}  // namespace eventy::actors
