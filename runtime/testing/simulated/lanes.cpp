#include "lanes.hpp"

namespace eventy::testing::detail {

// --- partition ---

PartitionEngine& PartitionActor::engine() {
  if (!engine_)
    engine_ = std::make_unique<PartitionEngine>(setup_.routes, setup_.lane.partition, setup_.epoch,
                                                setup_.state, clock_);
  return *engine_;
}

void PartitionActor::receive(ActorId, Mail& mail) {
  if (auto* deliver = std::get_if<mail::Deliver>(&mail)) {
    if (deliver->epoch != engine().epoch()) return;
    engine().accept(std::move(deliver->batch));
    step_soon();
  } else if (std::holds_alternative<mail::StepOn>(mail)) {
    step();
  } else if (const auto* committed = std::get_if<mail::CommittedUpTo>(&mail)) {
    if (committed->epoch != engine().epoch()) return;
    auto outputs = engine().committed(committed->up_to);
    send(setup_.bridge, mail::DeferredDone{setup_.lane, committed->epoch, committed->up_to,
                                           std::make_shared<const OutputBuffer>(std::move(outputs))});
  } else if (const auto* rewind = std::get_if<mail::RewindTo>(&mail)) {
    engine().rewind(rewind->epoch);
    step_soon();
  } else if (std::holds_alternative<mail::Exit>(mail)) {
    world_.end(*this, "told to");
  }
}

void PartitionActor::step() {
  step_is_sent_ = false;
  auto done = engine().step();
  if (done.slice) send(setup_.bridge, mail::Finished{std::make_shared<const Slice>(std::move(*done.slice))});
  if (done.waits) send(setup_.bridge, mail::LaneWaits{setup_.lane, engine().epoch()});
  if (done.more) {
    step_soon();
  } else if (done.wake) {
    send_later(std::max(Duration(1), *done.wake - clock_.now()), mail::StepOn{});
  }
}

void PartitionActor::step_soon() {
  if (std::exchange(step_is_sent_, true)) return;
  send(id(), mail::StepOn{});
}

// --- source ---

SourceEngine& SourceActor::engine() {
  if (!engine_)
    engine_ = std::make_unique<SourceEngine>(setup_.routes, setup_.lane, setup_.epoch, setup_.state, clock_,
                                             setup_.source_records_per_look);
  return *engine_;
}

void SourceActor::receive(ActorId, Mail& mail) {
  if (std::holds_alternative<mail::StepOn>(mail)) {
    look_is_sent_ = false, look();
  } else if (std::holds_alternative<mail::Wake>(mail)) {
    waits_ = false, look();
  } else if (const auto* done = std::get_if<mail::CommittedUpTo>(&mail)) {
    committed(*done);
  } else if (const auto* back = std::get_if<mail::RewindTo>(&mail)) {
    rewind(*back);
  } else if (std::holds_alternative<mail::StopLooking>(mail)) {
    stopped_ = true;
  } else if (std::holds_alternative<mail::Exit>(mail)) {
    world_.end(*this, "told to");
  }
}

void SourceActor::look() {
  if (stopped_ || waits_ || failure_ || sent_ - committed_ >= setup_.source_slices_in_flight) return;
  SourceEngine::Look found;
  try {
    found = engine().look();
  } catch (const std::exception& e) {
    const auto* failure = dynamic_cast<const Failure*>(&e);
    failure_ = {e.what(), failure ? std::optional(failure->error().code) : std::nullopt};
    return quit_when_committed();
  }
  if (found.slice) {
    sent_ = found.slice->number.value;
    send(setup_.bridge, mail::Finished{std::make_shared<const Slice>(std::move(*found.slice))});
  }
  if (!found.wait) return look_soon();
  send(setup_.bridge, mail::LaneWaits{setup_.lane, engine().epoch()});
  waits_ = true;
  send_later(*found.wait, mail::Wake{});
}

void SourceActor::look_soon() {
  if (std::exchange(look_is_sent_, true)) return;
  send(id(), mail::StepOn{});
}

void SourceActor::committed(const mail::CommittedUpTo& m) {
  if (m.epoch != engine().epoch()) return;
  committed_ = m.up_to.value;
  quit_when_committed();
  look_soon();
}

void SourceActor::quit_when_committed() {
  if (failure_ && committed_ == sent_) world_.end(*this, failure_->first, failure_->second);
}

void SourceActor::rewind(const mail::RewindTo& m) {
  engine().rewind(m.epoch);
  sent_ = committed_ = 0;
  failure_.reset();
  waits_ = false;
  look_soon();
}

}  // namespace eventy::testing::detail
