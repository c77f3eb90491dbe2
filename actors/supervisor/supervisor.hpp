// The actor that keeps one service alive: starts its bridge and, for the bridge, its lanes; watches them, and
// starts again what fails, after a growing backoff (one for one; a failed bridge takes its lanes with it, for
// they belong to its session). When that happens too often, or no restart can heal it, it quits with the
// error: the root ends the process.
#pragma once

#include <set>

#include "../messages.hpp"
#include "eventy/actors/node_system.hpp"

namespace eventy::actors {

struct SupervisorSetup {
  std::size_t service_number;
  std::shared_ptr<const ServiceSetup> service;
  const Clock* clock;
  caf::actor root;  // is told when the service is drained; may be empty
};

class SupervisorState {
 public:
  explicit SupervisorState(caf::event_based_actor* self) : self_(self), policy_(RestartOptions{}) {}
  caf::behavior begin(SupervisorSetup setup);
  static inline const char* name = "supervisor";

 private:
  void start_bridge();
  void start_lane(const msg::StartLane& m);
  caf::actor spawn_lane(const msg::StartLane& m);
  void stop_lane(Lane lane);
  void close(const caf::actor& child);
  void child_is_down(const caf::down_msg& m);
  void lane_failed(Lane lane, const caf::error& reason);
  void bridge_failed(const caf::error& reason);
  std::optional<Duration> backoff(const std::string& what, const caf::error& reason,
                                  std::optional<ErrorCode> code);
  void give_up(const std::string& why);
  void drain();
  void ask_status(const msg::AskStatus& m);
  void stop();
  void after_closing();

  caf::event_based_actor* self_;
  SupervisorSetup setup_ = {};
  RestartPolicy policy_;
  caf::actor bridge_ = {};
  std::map<Lane, caf::actor> lanes_ = {};
  std::set<caf::actor_addr> closing_ = {};  // told to end, not down yet
  std::uint64_t generation_ = 0;            // of the bridge
  std::uint64_t restarts_ = 0;
  bool bridge_is_due_ = false, draining_ = false, stopping_ = false;
};

caf::behavior supervisor(caf::stateful_actor<SupervisorState>* self, const SupervisorSetup& setup);

}  // namespace eventy::actors
