// The actor above the supervisors of all services of a node. It restarts nothing: a supervisor that gives up
// is the failure of the node. It finds out when everything is idle or drained, and ends all when told to
// stop.
#pragma once

#include <set>

#include "../messages.hpp"
#include "board.hpp"

namespace eventy::actors {

struct RootSetup {
  std::vector<std::shared_ptr<const ServiceSetup>> services;
  const Clock* clock;
  std::shared_ptr<Board> board;
  Duration idle_check;  // 0: never
};

class RootState {
 public:
  explicit RootState(caf::event_based_actor* self) : self_(self) {}
  caf::behavior begin(RootSetup setup);
  static inline const char* name = "root";

 private:
  void supervisor_is_down(const caf::down_msg& m);
  void ask_round();
  void hear(const msg::Status& m);
  void stop();

  caf::event_based_actor* self_;
  RootSetup setup_ = {};
  std::vector<caf::actor> supervisors_ = {};
  std::set<caf::actor_addr> alive_ = {};
  std::set<std::size_t> drained_ = {};
  bool stopping_ = false;
  std::uint64_t round_ = 0, activity_ = 0;
  std::size_t answers_ = 0, waited_ = 0;
  bool all_idle_ = false;
  std::optional<std::uint64_t> idle_activity_ = {};  // of the last round, if all were idle in it
};

caf::behavior root(caf::stateful_actor<RootState>* self, const RootSetup& setup);

}  // namespace eventy::actors
