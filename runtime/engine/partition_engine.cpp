#include "eventy/engine/partition_engine.hpp"

#include <algorithm>
#include <array>

#include "deferred_turns.hpp"
#include "record_queue.hpp"
#include "released_records.hpp"

namespace eventy {

struct PartitionEngine::Parts {
  Parts(std::shared_ptr<const Routes> routes, PartitionId partition,
        const std::shared_ptr<const StateReader>& state, const Clock& clock, std::shared_ptr<TurnWatch> watch,
        std::shared_ptr<PartitionMetrics> metrics)
      : environment(std::move(routes), partition, clock, std::move(watch), std::move(metrics)),
        states(environment.routes, partition, state),
        outbox(environment.routes),
        slice(environment),
        translator(environment.runtime),
        turns(environment, states, outbox),
        failures(environment, state, outbox, slice),
        placement(environment, translator, outbox, failures, slice),
        runs(environment, translator, states, turns, failures, slice) {}

  PartitionEnvironment environment;
  KeyStates states;
  Outbox outbox;
  SliceDraft slice;
  Translator translator;
  TurnRun turns;
  FailureHandling failures;
  Placement placement;
  AttemptRun runs;

  DeferredTurns deferred{environment, translator, turns, failures};
  ReleasedRecords released{environment, translator, placement, runs, failures, deferred};
  RecordQueue records{environment, translator, placement, runs, failures, deferred};
  // In the order in which they work on a slice. To add a kind, add it here.
  std::array<Work*, 3> kinds{&released, &records, &deferred};

  bool has_more() const {
    return std::any_of(kinds.begin(), kinds.end(), [](const Work* kind) { return kind->has_more(); });
  }
};

PartitionEngine::PartitionEngine(std::shared_ptr<const Routes> routes, PartitionId partition, Epoch epoch,
                                 std::shared_ptr<const StateReader> state, const Clock& clock,
                                 std::shared_ptr<TurnWatch> watch, std::shared_ptr<PartitionMetrics> metrics)
    : epoch_(epoch),
      parts_(std::make_unique<Parts>(std::move(routes), partition, state, clock, std::move(watch),
                                     std::move(metrics))) {}

PartitionEngine::~PartitionEngine() = default;

void PartitionEngine::accept(std::shared_ptr<const Batch> batch, Offset from) {
  parts_->records.accept(std::move(batch), from);
}

PartitionEngine::Step PartitionEngine::step() {
  Parts& p = *parts_;
  p.environment.read_clock();
  if (!p.failures.book().load()) return {};
  p.slice.begin(epoch_, p.has_more() ? SliceDraft::Expected::work : SliceDraft::Expected::nothing);
  p.failures.read_clock();
  for (Work* kind : p.kinds) kind->work(p.slice);
  Step step{.wake = p.failures.waits_until(), .more = p.has_more()};
  step.waits = step.wake.has_value();
  if (p.slice.has_work() || p.failures.book().has_changes()) step.slice = end_slice();
  return step;
}

Slice PartitionEngine::end_slice() {
  Parts& p = *parts_;
  const std::uint64_t number = p.slice.number();
  p.states.end_slice(number, p.slice.state());
  p.failures.book().end_slice(number, p.slice.state());
  return p.slice.end();
}

OutputBuffer PartitionEngine::committed(SliceNumber up_to) {
  Parts& p = *parts_;
  p.states.committed(up_to.value);
  p.failures.book().committed(up_to.value);
  p.environment.read_clock();
  OutputBuffer now;
  for (Work* kind : p.kinds) kind->committed(up_to.value, now);
  return now;
}

void PartitionEngine::rewind(Epoch epoch) {
  Parts& p = *parts_;
  epoch_ = epoch;
  for (Work* kind : p.kinds) kind->rewind();
  p.failures.rewind();
  p.placement.rewind();
  p.states.rewind();
  p.slice.rewind();
}

void PartitionEngine::release(std::string_view key) { parts_->failures.release(key); }

std::uint64_t PartitionEngine::parked(std::string_view key) {
  FailureBook& book = parts_->failures.book();
  return book.load() ? book.parked(key) : 0;
}

PartitionStats PartitionEngine::stats() const { return parts_->environment.metrics->snapshot(); }

void PartitionEngine::answer(std::string_view query, std::string_view key, Reader& question, Writer& out) {
  const Plan& plan = parts_->environment.plan;
  const auto it =
      std::find_if(plan.queries.begin(), plan.queries.end(), [&](auto& q) { return q.name == query; });
  if (it == plan.queries.end())
    throw Failure({ErrorCode::not_found, "service " + plan.name + " answers no query " + std::string(query)});
  // From the store: what the cache holds may be undone.
  KeyStates::Owned state(nullptr, nullptr);
  if (plan.state) state = parts_->states.load(key);
  const TurnWatch::Running running(*parts_->environment.watch, {.what = &it->name});
  it->run(it->code.get(), state.get(), question, out);
}

}  // namespace eventy
