#include "bridge.hpp"

#include <algorithm>

#include "../failure.hpp"

namespace eventy::actors {

caf::behavior bridge(caf::stateful_actor<BridgeState>* self, const BridgeSetup& setup) {
  return self->state.begin(setup);
}

caf::behavior BridgeState::begin(BridgeSetup setup) {
  setup_ = std::move(setup);
  keep_text_of_exceptions(self_);
  step_soon();
  return {
      [this](const msg::StepOn&) { *step_is_sent_ = false, step(); },
      [this](const msg::Wake&) { wakes_at_.reset(), step(); },
      [this](const msg::Finished& m) { perform(engine_->accept(*m.slice)), go_on(); },
      [this](const msg::DeferredDone& m) {
        engine_->deferred_done(m.lane, m.epoch, m.up_to, *m.outputs);
        go_on();
      },
      [this](const msg::LaneWaits& m) { engine_->lane_waits(m.lane, m.epoch); },
      [this](const msg::LaneStarted& m) { started(m); },
      [this](const msg::LanesDown& m) { lanes_down(m.lanes); },
      [this](const msg::StartAgain& m) { perform(engine_->start_again(m.lane)), go_on(); },
      [this](const msg::Drain&) { drain(); },
      [this](const msg::AskStatus& m) { report(m); },
  };
}

// The store may call its waker with locks held, from any thread, also when this actor is gone.
void BridgeState::open() {
  auto session = setup_.service->open_session();
  if (!session.ok()) throw Failure(session.error());
  engine_ = std::make_unique<BridgeEngine>(setup_.service->runtime, std::move(*session),
                                           setup_.service->bridge, *setup_.clock);
  engine_->on_ready([sent = step_is_sent_, weak = caf::actor_cast<caf::weak_actor_ptr>(self_)] {
    if (sent->exchange(true)) return;
    if (const auto self = caf::actor_cast<caf::actor>(weak)) caf::anon_send(self, msg::StepOn{});
  });
  if (draining_) engine_->drain();
}

void BridgeState::step() {
  if (!engine_) open();
  perform(engine_->step());
  go_on();
}

void BridgeState::go_on() {
  if (engine_->wants_step()) {
    step_soon();
  } else if (const auto at = engine_->wake_at(); at && (!wakes_at_ || *at < *wakes_at_)) {
    wakes_at_ = at;
    self_->delayed_send(self_, std::max(Duration(0), *at - setup_.clock->now()), msg::Wake{});
  }
  if (draining_ && !reported_ && engine_->drained()) {
    reported_ = true;
    self_->send(setup_.supervisor, msg::Drained{});
  }
}

void BridgeState::step_soon() {
  if (!step_is_sent_->exchange(true)) self_->send(self_, msg::StepOn{});
}

// --- what the engine wants done ---

void BridgeState::perform(std::vector<BridgeAction> actions) {
  for (const auto& action : actions) std::visit([this](const auto& a) { perform(a); }, action);
}

void BridgeState::perform(const action::Start& a) {
  children_[a.lane] = Child{a.epoch};
  self_->send(setup_.supervisor, msg::StartLane{a.lane, a.epoch, engine_->routes(), a.state});
  if (draining_ && a.lane.is_source()) tell(a.lane, msg::StopLooking{});
}

void BridgeState::perform(const action::Stop& a) {
  children_.erase(a.lane);
  self_->send(setup_.supervisor, msg::StopLane{a.lane});
}

void BridgeState::perform(const action::Deliver& a) { tell(a.lane, msg::Deliver{a.epoch, a.batch}); }
void BridgeState::perform(const action::Committed& a) { tell(a.lane, msg::CommittedUpTo{a.epoch, a.up_to}); }
void BridgeState::perform(const action::Rewind& a) { tell(a.lane, msg::RewindTo{a.epoch}); }

template <class Message>
void BridgeState::tell(Lane lane, Message message) {
  const auto it = children_.find(lane);
  if (it == children_.end()) return;  // it failed; its successor starts over
  if (it->second.handle) {
    self_->send(it->second.handle, std::move(message));
  } else {
    it->second.waiting.push_back(caf::make_message(std::move(message)));
  }
}

// --- what the supervisor says ---

void BridgeState::started(const msg::LaneStarted& m) {
  const auto it = children_.find(m.lane);
  if (it == children_.end() || it->second.started != m.epoch) return;
  it->second.handle = m.handle;
  for (auto& mail : std::exchange(it->second.waiting, {})) self_->send(m.handle, std::move(mail));
}

void BridgeState::lanes_down(const std::vector<Lane>& lanes) {
  for (const Lane lane : lanes) children_.erase(lane);
  perform(engine_->lanes_down(lanes));
  go_on();
}

void BridgeState::drain() {
  draining_ = true;
  if (!engine_) return;  // the first step comes, and with it the engine
  engine_->drain();
  for (const auto& child : children_)
    if (child.first.is_source()) tell(child.first, msg::StopLooking{});
  step_soon();
}

void BridgeState::report(const msg::AskStatus& m) {
  const bool idle = engine_ && engine_->idle();
  self_->send(m.asker, msg::Status{m.service, m.round, idle, engine_ ? engine_->activity() : 0});
}

}  // namespace eventy::actors
