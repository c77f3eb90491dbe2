#include "source.hpp"

#include "../failure.hpp"

namespace eventy::actors {

caf::behavior source(caf::stateful_actor<SourceState>* self, const LaneSetup& setup) {
  return self->state.begin(setup);
}

caf::behavior SourceState::begin(LaneSetup setup) {
  setup_ = std::move(setup);
  keep_text_of_exceptions(self_);
  look_soon();
  return {
      [this](const msg::StepOn&) { look_is_sent_ = false, look(); },
      [this](const msg::Wake&) { waits_ = false, look(); },
      [this](const msg::CommittedUpTo& m) { committed(m); },
      [this](const msg::RewindTo& m) { rewind(m); },
      [this](const msg::StopLooking&) { stopped_ = true; },
  };
}

SourceEngine& SourceState::engine() {
  if (!engine_)
    engine_ = std::make_unique<SourceEngine>(setup_.routes, setup_.lane, setup_.epoch, setup_.state,
                                             *setup_.clock, setup_.source_records_per_look, setup_.watch);
  return *engine_;
}

void SourceState::look() {
  if (stopped_ || waits_ || failure_ || sent_ - committed_ >= setup_.source_slices_in_flight) return;
  SourceEngine::Look found;
  try {
    found = engine().look();
  } catch (...) {
    failure_ = failure_of(std::current_exception());
    return quit_when_committed();
  }
  if (found.slice) {
    sent_ = found.slice->number.value;
    self_->send(setup_.bridge, msg::Finished{std::make_shared<const Slice>(std::move(*found.slice))});
  }
  if (!found.wait) return look_soon();
  self_->send(setup_.bridge, msg::LaneWaits{setup_.lane, engine().epoch()});
  waits_ = true;
  self_->delayed_send(self_, *found.wait, msg::Wake{});
}

void SourceState::look_soon() {
  if (std::exchange(look_is_sent_, true)) return;
  self_->send(self_, msg::StepOn{});
}

void SourceState::committed(const msg::CommittedUpTo& m) {
  if (m.epoch != engine().epoch()) return;
  committed_ = m.up_to.value;
  quit_when_committed();
  look_soon();
}

// The looks before the one that failed were good: their commit comes first, or a failure that stays would
// undo them again and again.
void SourceState::quit_when_committed() {
  if (failure_ && committed_ == sent_) self_->quit(*failure_);
}

void SourceState::rewind(const msg::RewindTo& m) {
  engine().rewind(m.epoch);
  sent_ = committed_ = 0;
  failure_.reset();
  waits_ = false;  // what was found may have to be found again
  look_soon();
}

}  // namespace eventy::actors
