#include "partition.hpp"

#include <algorithm>

#include "../failure.hpp"

namespace eventy::actors {

caf::behavior partition(caf::stateful_actor<PartitionState>* self, const LaneSetup& setup) {
  return self->state.begin(setup);
}

caf::behavior PartitionState::begin(LaneSetup setup) {
  setup_ = std::move(setup);
  keep_text_of_exceptions(self_);
  step_soon();  // the release of a key may have been interrupted
  return {
      [this](const msg::Deliver& m) { deliver(m); },         [this](const msg::StepOn&) { step(); },
      [this](const msg::CommittedUpTo& m) { committed(m); }, [this](const msg::RewindTo& m) { rewind(m); },
      [this](const msg::Query& m) { return answer(m); },
  };
}

PartitionEngine& PartitionState::engine() {
  if (!engine_)
    engine_ = std::make_unique<PartitionEngine>(setup_.routes, setup_.lane.partition, setup_.epoch,
                                                setup_.state, *setup_.clock, setup_.watch);
  return *engine_;
}

void PartitionState::deliver(const msg::Deliver& m) {
  if (m.epoch != engine().epoch()) return;
  engine().accept(m.batch);
  step_soon();
}

void PartitionState::step() {
  step_is_sent_ = false;
  auto done = engine().step();
  if (done.slice)
    self_->send(setup_.bridge, msg::Finished{std::make_shared<const Slice>(std::move(*done.slice))});
  if (done.waits) self_->send(setup_.bridge, msg::LaneWaits{setup_.lane, engine().epoch()});
  if (done.more) {
    step_soon();
  } else if (done.wake) {
    // Early or double wake-ups do no harm: the engine waits by its own clock.
    const auto wait = std::max(Duration(1), *done.wake - setup_.clock->now());
    self_->delayed_send(self_, wait, msg::StepOn{});
  }
}

void PartitionState::committed(const msg::CommittedUpTo& m) {
  if (m.epoch != engine().epoch()) return;
  auto outputs = engine().committed(m.up_to);
  self_->send(setup_.bridge, msg::DeferredDone{setup_.lane, m.epoch, m.up_to,
                                               std::make_shared<const OutputBuffer>(std::move(outputs))});
}

void PartitionState::rewind(const msg::RewindTo& m) {
  engine().rewind(m.epoch);
  step_soon();
}

// A bad question is the asker's error, not a crash of the partition.
caf::result<std::string> PartitionState::answer(const msg::Query& m) {
  const auto& format = *setup_.routes->runtime->options().state_format;
  const auto decoder = format.make_decoder();
  const auto encoder = format.make_encoder();
  std::string bytes;
  try {
    engine().answer(m.name, m.key, decoder->start(m.question), encoder->start(bytes));
  } catch (...) {
    return failure_of(std::current_exception());
  }
  return bytes;
}

void PartitionState::step_soon() {
  if (std::exchange(step_is_sent_, true)) return;
  self_->send(self_, msg::StepOn{});
}

}  // namespace eventy::actors
