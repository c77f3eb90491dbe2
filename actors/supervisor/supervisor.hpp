// The actor that keeps one service alive: starts its bridge and, for the bridge, its lanes; watches them, and
// starts again what fails, with those that its strategy names, after a growing backoff. A failed bridge takes
// its lanes with it, for they belong to its session. When that happens too often, or no restart can heal it,
// it tells the root at once, ends its children and then itself.
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
  Ref<ToRoot> root;  // is told when the service is drained, and when it has given up
  std::shared_ptr<Board> board;
  std::shared_ptr<Watchdog> watchdog;
};

struct SupervisorState {
  using Receiver = ToSupervisor;
  using Setup = SupervisorSetup;
  static inline const char* name = "supervisor";

  void begin(SupervisorSetup setup);
  void handle(const msg::StartLane& m);
  void handle(const msg::StopLane& m) { stop_lane(m.lane); }
  void handle(const msg::Drained& m);
  void handle(const msg::RestartLanes& m);
  void handle(const msg::RestartBridge& m);
  void handle(const msg::Down& m);
  void handle(const msg::Drain&);
  void handle(const msg::AskStatus& m);
  void handle(const msg::Stop&) { stop(); }

  Self<ToSupervisor> self_ = {};

 private:
  void start_bridge();
  void start_lane(const msg::StartLane& m);
  void start_waiting_lanes();
  LaneRef spawn_lane(const msg::StartLane& m);
  void stop_lane(Lane lane);
  void close(const LaneRef& child, Lane lane);
  void close_all();
  void lane_failed(Lane lane, const EndReason& reason);
  void lane_was_taken_away(Lane lane);
  void bridge_failed(const EndReason& reason);
  std::optional<Supervision::Decision> judge(Supervision::Child child, const std::string& what,
                                             const EndReason& reason);
  void give_up(const std::string& why, std::optional<ErrorCode> code, RestartPolicy::Verdict verdict);
  void restart_all(Duration wait);
  void restart_lanes(Lane failed, const Supervision::Decision& decision);
  void start_due_lanes();
  void count_restart(Lane lane) const;
  void stop();
  void after_closing();
  bool is_closing(std::optional<Lane> child) const;  // nullopt: a bridge

  SupervisorSetup setup_ = {};
  Supervision supervision_{{}, Supervision::First::holds_the_others};
  Ref<ToBridge> bridge_ = {};
  std::map<Lane, LaneRef> lanes_ = {};
  // Told to end, not down yet; nullopt: a bridge.
  std::map<ActorId, std::optional<Lane>> closing_ = {};
  std::map<Lane, msg::StartLane> waiting_ = {};  // to be started when their old selves are gone
  std::set<Lane> due_ = {};                      // to be started again as soon as they are really gone
  std::uint64_t generation_ = 0;                 // of the bridge
  bool bridge_is_due_ = false, draining_ = false, stopping_ = false;
  std::optional<caf::error> gave_up_ = {};
};

}  // namespace eventy::actors
