#include <algorithm>

#include "keepers.hpp"

namespace eventy::testing::detail {

void BridgeActor::receive(ActorId, Mail& mail) {
  if (std::holds_alternative<mail::StepOn>(mail)) {
    *step_is_sent_ = false, step();
  } else if (std::holds_alternative<mail::Wake>(mail)) {
    wakes_at_.reset(), step();
  } else if (const auto* finished = std::get_if<mail::Finished>(&mail)) {
    perform(engine_->accept(*finished->slice)), go_on();
  } else if (const auto* done = std::get_if<mail::DeferredDone>(&mail)) {
    engine_->deferred_done(done->lane, done->epoch, done->up_to, *done->outputs);
    go_on();
  } else if (const auto* waits = std::get_if<mail::LaneWaits>(&mail)) {
    engine_->lane_waits(waits->lane, waits->epoch);
  } else if (const auto* lane = std::get_if<mail::LaneStarted>(&mail)) {
    started(*lane);
  } else if (const auto* down = std::get_if<mail::LanesDown>(&mail)) {
    lanes_down(down->lanes);
  } else if (const auto* again = std::get_if<mail::StartAgain>(&mail)) {
    perform(engine_->start_again(again->lane)), go_on();
  } else if (std::holds_alternative<mail::Drain>(mail)) {
    drain();
  } else if (std::holds_alternative<mail::Exit>(mail)) {
    world_.end(*this, "told to");
  }
}

void BridgeActor::open() {
  auto session = setup_->open_session();
  if (!session.ok()) throw Failure(session.error());
  engine_ = std::make_unique<BridgeEngine>(setup_->runtime, std::move(*session), setup_->bridge, clock_);
  engine_->on_ready([sent = step_is_sent_, &world = world_, self = id()] {
    if (std::exchange(*sent, true)) return;
    world.send({}, self, mail::StepOn{});
  });
  if (draining_) engine_->drain();
}

void BridgeActor::step() {
  if (!engine_) open();
  perform(engine_->step());
  go_on();
}

void BridgeActor::go_on() {
  if (engine_->wants_step()) {
    step_soon();
  } else if (const auto at = engine_->wake_at(); at && (!wakes_at_ || *at < *wakes_at_)) {
    wakes_at_ = at;
    send_later(std::max(Duration(0), *at - clock_.now()), mail::Wake{});
  }
  if (draining_ && !reported_ && engine_->drained()) {
    reported_ = true;
    send(supervisor_, mail::Drained{});
  }
}

void BridgeActor::step_soon() {
  if (!std::exchange(*step_is_sent_, true)) send(id(), mail::StepOn{});
}

// --- what the engine wants done ---

void BridgeActor::perform(std::vector<BridgeAction> actions) {
  for (const auto& action : actions) std::visit([this](const auto& a) { perform(a); }, action);
}

void BridgeActor::perform(const action::Start& a) {
  children_[a.lane] = Child{a.epoch};
  send(supervisor_, mail::StartLane{a.lane, a.epoch, engine_->routes(), a.state});
  if (draining_ && a.lane.is_source()) tell(a.lane, mail::StopLooking{});
}

void BridgeActor::perform(const action::Stop& a) {
  children_.erase(a.lane);
  send(supervisor_, mail::StopLane{a.lane});
}

void BridgeActor::perform(const action::Deliver& a) { tell(a.lane, mail::Deliver{a.epoch, a.batch}); }
void BridgeActor::perform(const action::Committed& a) { tell(a.lane, mail::CommittedUpTo{a.epoch, a.up_to}); }
void BridgeActor::perform(const action::Rewind& a) { tell(a.lane, mail::RewindTo{a.epoch}); }

void BridgeActor::tell(Lane lane, Mail mail) {
  const auto it = children_.find(lane);
  if (it == children_.end()) return;  // it failed; its successor starts over
  if (it->second.actor != ActorId{}) {
    send(it->second.actor, std::move(mail));
  } else {
    it->second.waiting.push_back(std::move(mail));
  }
}

// --- what the supervisor says ---

void BridgeActor::started(const mail::LaneStarted& m) {
  const auto it = children_.find(m.lane);
  if (it == children_.end() || it->second.started != m.epoch) return;
  it->second.actor = m.actor;
  for (auto& mail : std::exchange(it->second.waiting, {})) send(m.actor, std::move(mail));
}

void BridgeActor::lanes_down(const std::vector<Lane>& lanes) {
  for (const Lane lane : lanes) children_.erase(lane);
  perform(engine_->lanes_down(lanes));
  go_on();
}

void BridgeActor::drain() {
  draining_ = true;
  if (!engine_) return;  // the first step comes, and with it the engine
  engine_->drain();
  for (const auto& child : children_)
    if (child.first.is_source()) tell(child.first, mail::StopLooking{});
  step_soon();
}

}  // namespace eventy::testing::detail
