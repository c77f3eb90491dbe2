#include "source.hpp"

namespace eventy::actors {

void SourceActor::begin(TaskSetup setup) {
  setup_ = std::move(setup);
  poll_soon();
}

SourceEngine& SourceActor::engine() {
  if (!engine_)
    engine_ = std::make_unique<SourceEngine>(setup_.routes, setup_.task, setup_.epoch, setup_.state,
                                             self_.host->clock(), setup_.source_records_per_poll,
                                             setup_.watch, setup_.metrics->source(setup_.task));
  return *engine_;
}

void SourceActor::poll() {
  if (stopped_ || waits_ || failure_ || sent_ - committed_ >= setup_.source_slices_in_flight) return;
  SourceEngine::Polled found;
  try {
    found = engine().poll();
  } catch (...) {
    failure_ = failure_of(std::current_exception());
    return quit_when_committed();
  }
  if (found.slice) {
    sent_ = found.slice->number.value;
    self_.post(setup_.bridge, msg::SliceFinished{std::make_shared<const Slice>(std::move(*found.slice))});
  }
  if (!found.wait) return poll_soon();
  self_.post(setup_.bridge, msg::TaskWaiting{setup_.task, engine().epoch()});
  waits_ = true;
  self_.post(self_.ref, msg::Wake{}, *found.wait);
}

void SourceActor::poll_soon() {
  if (!std::exchange(poll_is_sent_, true)) self_.post(self_.ref, msg::Continue{});
}

void SourceActor::handle(const msg::CommittedUpTo& m) {
  if (m.epoch != engine().epoch()) return;
  committed_ = m.up_to.value;
  engine().committed(m.up_to);
  quit_when_committed();
  poll_soon();
}

// The polls before the failed one succeeded. They are committed first; otherwise a permanent failure would
// undo them again and again.
void SourceActor::quit_when_committed() {
  if (failure_ && committed_ == sent_) self_.actor->quit(*failure_);
}

void SourceActor::handle(const msg::RewindTo& m) {
  engine().rewind(m.epoch);
  sent_ = committed_ = 0;
  failure_.reset();
  waits_ = false;  // what was found may have to be found again
  poll_soon();
}

}  // namespace eventy::actors
