// The actor that keeps one service alive: starts its bridge and, for the bridge, its lanes; watches them, and
// starts again what fails, with those that its strategy names, after a growing backoff. A failed bridge takes
// its lanes with it, for they belong to its session. When that happens too often, or no restart can heal it,
// it tells the root at once, ends its children and then itself.
#pragma once

#include <set>

#include "../messages.hpp"
#include "board.hpp"
#include "eventy/actors/node_system.hpp"
#include "eventy/engine/watchdog.hpp"

namespace eventy::actors {

struct SupervisorSetup {
  std::size_t service_number;
  std::shared_ptr<const ServiceSetup> service;
  const Clock* clock;
  caf::actor root;  // is told when the service is drained, and when it has given up
  std::shared_ptr<Board> board;
  std::shared_ptr<Watchdog> watchdog;
};

class SupervisorState {
 public:
  explicit SupervisorState(caf::event_based_actor* self)
      : self_(self), supervision_({}, Supervision::First::holds_the_others) {}
  caf::behavior begin(SupervisorSetup setup);
  static inline const char* name = "supervisor";

 private:
  void start_bridge();
  void start_lane(const msg::StartLane& m);
  caf::actor spawn_lane(const msg::StartLane& m);
  void stop_lane(Lane lane);
  void close(const caf::actor& child, std::optional<Lane> lane);
  void close_all();
  void child_is_down(const caf::down_msg& m);
  void lane_failed(Lane lane, const caf::error& reason);
  void bridge_failed(const caf::error& reason);
  std::optional<Supervision::Decision> judge(Supervision::Child child, const std::string& what,
                                             const caf::error& reason, std::optional<ErrorCode> code);
  void give_up(const std::string& why, std::optional<ErrorCode> code, RestartPolicy::Verdict verdict);
  void restart_all(Duration wait);
  void restart_lanes(Lane failed, const Supervision::Decision& decision);
  void start_due_lanes();
  void count_restart(Lane lane) const;
  void drain();
  void ask_status(const msg::AskStatus& m);
  void stop();
  void after_closing();

  caf::event_based_actor* self_;
  SupervisorSetup setup_ = {};
  Supervision supervision_;
  caf::actor bridge_ = {};
  std::map<Lane, caf::actor> lanes_ = {};
  std::map<caf::actor_addr, std::optional<Lane>> closing_ =
      {};                         // told to end, not down yet; nullopt: a bridge
  std::set<Lane> due_ = {};       // to be started again as soon as they are really gone
  std::uint64_t generation_ = 0;  // of the bridge
  bool bridge_is_due_ = false, draining_ = false, stopping_ = false;
  std::optional<caf::error> gave_up_ = {};
};

caf::behavior supervisor(caf::stateful_actor<SupervisorState>* self, const SupervisorSetup& setup);

}  // namespace eventy::actors
