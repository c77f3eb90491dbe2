// The actor of a bridge: a shell that owns a BridgeEngine, and so the service's session with the store. Runs
// on a thread of its own, for commits block. It goes on by message: one step at a time, woken by the store,
// by a slice or by a timer. It never waits for a lane. A failure of the session ends it; its supervisor stops
// the lanes and starts a new one with a new session.
#pragma once

#include <atomic>

#include "../messages.hpp"
#include "eventy/actors/node_system.hpp"

namespace eventy::actors {

struct BridgeSetup {
  std::shared_ptr<const ServiceSetup> service;
  const Clock* clock;
  caf::actor supervisor;
};

class BridgeState {
 public:
  explicit BridgeState(caf::event_based_actor* self) : self_(self) {}
  caf::behavior begin(BridgeSetup setup);
  static inline const char* name = "bridge";

 private:
  struct Child {
    Epoch started;                           // with which it was asked for
    caf::actor handle = {};                  // empty until the supervisor has started it
    std::vector<caf::message> waiting = {};  // mail until then
  };
  void open();
  void step();
  void perform(std::vector<BridgeAction> actions);
  void perform(const action::Start& a);
  void perform(const action::Stop& a);
  void perform(const action::Deliver& a);
  void perform(const action::Committed& a);
  void perform(const action::Rewind& a);
  template <class Message>
  void tell(Lane lane, Message message);
  void go_on();
  void started(const msg::LaneStarted& m);
  void lanes_down(const std::vector<Lane>& lanes);
  void drain();
  void report(const msg::AskStatus& m);
  void step_soon();

  caf::event_based_actor* self_;
  BridgeSetup setup_ = {};
  std::map<Lane, Child> children_ = {};
  std::shared_ptr<std::atomic<bool>> step_is_sent_ = std::make_shared<std::atomic<bool>>(false);
  std::optional<Instant> wakes_at_ = {};
  bool draining_ = false, reported_ = false;
  std::unique_ptr<BridgeEngine> engine_ = {};
};

caf::behavior bridge(caf::stateful_actor<BridgeState>* self, const BridgeSetup& setup);

}  // namespace eventy::actors
