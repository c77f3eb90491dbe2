#include "attempt_run.hpp"

#include <stdexcept>

namespace eventy {

bool AttemptRun::read(const RecordView& record, Attempt& attempt) try {
  if (translator_.read(record, attempt)) return true;
  environment_.metrics->dropped.add();
  return false;
} catch (const DecodeError& e) {
  failures_.dead_letter(attempt, {"", "DecodeError", e.what()});
  return false;
}

// When a handler gives up, the others run again without it, so that all turns of an input are in one slice.
bool AttemptRun::run(Attempt& attempt) {
  const Start start{Outbox::savepoint(slice_.outputs()), Outbox::savepoint(slice_.immediate())};
  while (true) {
    states_.savepoint();
    const Thrown thrown = run_all(attempt, start);
    if (!thrown.by) return true;
    roll_back(start);
    if (failures_.keeps_trying(*thrown.by, attempt, thrown.error)) return false;
    attempt.context.read_again();
    if (attempt.meta.kind == Kind::response) translator_.find_key(attempt);
  }
}

AttemptRun::Thrown AttemptRun::run_all(Attempt& attempt, const Start& start) {
  for (const auto& handler : attempt.matched) {
    if (handler.plan->guarantee == Guarantee::at_most_once || attempt.gave_up(handler.handler)) continue;
    try {
      run_one(handler, attempt, start);
    } catch (...) {
      turns_.rethrow_crash(handler.plan);
      return {&handler, std::current_exception()};
    }
  }
  return {};
}

void AttemptRun::run_one(const ServiceRuntime::Candidate& handler, Attempt& attempt, const Start& start) {
  const bool is_at_once = handler.plan->guarantee == Guarantee::at_least_once;
  OutputBuffer& immediate = slice_.immediate();
  OutputBuffer& transactional = slice_.outputs();
  const auto turn = Outbox::savepoint(immediate);
  slice_.staged_state(
      turns_.run(handler, attempt, TurnRun::State::of_key, is_at_once ? immediate : transactional));
  // Nobody may see what a turn wrote before the state that it changed is committed.
  if (is_at_once && states_.is_edited()) Outbox::move_tail(immediate, turn, transactional);
  check_outputs_size(transactional.bytes.size() - start.outputs.bytes);
}

void AttemptRun::roll_back(const Start& start) {
  Outbox::roll_back(slice_.outputs(), start.outputs);
  Outbox::roll_back(slice_.immediate(), start.immediate);
  states_.roll_back();
}

// Outputs that no cycle can hold would fail at every retry and at every owner.
void AttemptRun::check_outputs_size(std::size_t bytes) const {
  const std::size_t most = environment_.routes->max_slice_bytes;
  if (bytes <= most) return;
  throw std::length_error("outputs of " + std::to_string(bytes) +
                          " bytes of one record are over a quarter of what a commit cycle may hold, " +
                          std::to_string(most));
}

}  // namespace eventy
