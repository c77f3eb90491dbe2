#include "partition.hpp"

#include <algorithm>

#include "eventy/engine/failure_class.hpp"

namespace eventy::actors {

void PartitionActor::begin(TaskSetup setup) {
  setup_ = std::move(setup);
  step_soon();  // resumes a release of a key that was interrupted
}

PartitionEngine& PartitionActor::engine() {
  if (!engine_)
    engine_ = std::make_unique<PartitionEngine>(setup_.routes, setup_.task.partition, setup_.epoch,
                                                setup_.state, self_.host->clock(), setup_.watch,
                                                setup_.metrics->partition(setup_.task.partition));
  return *engine_;
}

void PartitionActor::handle(const msg::Deliver& m) {
  if (m.epoch != engine().epoch()) return;
  engine().accept(m.batch, m.from);
  step_soon();
}

void PartitionActor::handle(const msg::Continue&) {
  step_is_sent_ = false;
  auto done = engine().step();
  if (done.slice)
    self_.post(setup_.bridge, msg::SliceFinished{std::make_shared<const Slice>(std::move(*done.slice))});
  if (done.waits) self_.post(setup_.bridge, msg::TaskWaiting{setup_.task, engine().epoch()});
  if (done.more) {
    step_soon();
  } else if (done.wake) {
    // Early or repeated wake-ups are harmless: the engine checks its own clock.
    self_.post(self_.ref, msg::Continue{}, *done.wake - self_.now());
  }
}

void PartitionActor::handle(const msg::CommittedUpTo& m) {
  if (m.epoch != engine().epoch()) return;
  auto outputs = engine().committed(m.up_to);
  self_.post(setup_.bridge, msg::DeferredTurnsDone{setup_.task, m.epoch, m.up_to,
                                                   std::make_shared<const OutputBuffer>(std::move(outputs))});
}

void PartitionActor::handle(const msg::RewindTo& m) {
  engine().rewind(m.epoch);
  step_soon();
}

// An invalid query is an error of the caller, not a failure of the partition.
void PartitionActor::handle(const msg::Query& m) {
  std::string bytes;
  try {
    bytes = answer(m);
  } catch (const Failure& e) {
    return m.answer(e.error());
  } catch (...) {
    return m.answer(Error{ErrorCode::invalid_argument, eventy::describe(std::current_exception()).reason});
  }
  m.answer(std::move(bytes));
}

std::string PartitionActor::answer(const msg::Query& m) {
  const auto& format = *setup_.routes->runtime->options().state_format;
  const auto decoder = format.make_decoder();
  const auto encoder = format.make_encoder();
  std::string bytes;
  engine().answer(m.name, m.key, decoder->start(m.question), encoder->start(bytes));
  return bytes;
}

void PartitionActor::step_soon() {
  if (!std::exchange(step_is_sent_, true)) self_.post(self_.ref, msg::Continue{});
}

}  // namespace eventy::actors
