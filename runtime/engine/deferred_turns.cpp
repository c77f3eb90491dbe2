#include "deferred_turns.hpp"

#include <stdexcept>

#include "eventy/engine/failure_class.hpp"

namespace eventy {

void DeferredTurns::defer(const ServiceRuntime::Candidate& handler, const Attempt& attempt,
                          std::shared_ptr<const void> bytes, SliceDraft& slice) {
  if (!attempt.record)
    throw std::logic_error(attempt.place() + " is no record and cannot run at most once: handler " +
                           std::string(handler.plan->name));
  turns_waiting_.push_back({slice.number(), std::move(bytes), *attempt.record, handler});
  slice.has_deferred();
}

void DeferredTurns::committed(std::uint64_t up_to, OutputBuffer& now) {
  while (!turns_waiting_.empty() && turns_waiting_.front().slice <= up_to) {
    const Turn turn = std::move(turns_waiting_.front());
    turns_waiting_.pop_front();  // before it runs, so that it never runs again
    run(turn, now);
  }
}

void DeferredTurns::run(const Turn& turn, OutputBuffer& now) {
  const auto start = Outbox::savepoint(now);
  try {
    if (!translator_.read(turn.record, attempt_)) return;
    (void)translator_.find_key(attempt_);  // it was placed before the commit
    turns_.run(turn.handler, attempt_, TurnRun::State::none, now);
  } catch (...) {
    turns_.rethrow_crash(nullptr);  // an at-most-once turn is not retried
    Outbox::roll_back(now, start);
    environment_.metrics->failed_turns.add();
    const ErrorText text = describe(std::current_exception());
    failures_.dead_letter(attempt_, {turn.handler.plan->name, text.error_class, text.reason, 1}, now);
  }
}

}  // namespace eventy
