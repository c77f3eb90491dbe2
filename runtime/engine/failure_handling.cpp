#include "failure_handling.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "eventy/engine/failure_class.hpp"

namespace eventy {

namespace {

// Adds up to a quarter, so that partitions that failed together do not retry together.
Duration with_jitter(Duration wait, std::uint64_t random) {
  const auto quarter = static_cast<std::uint64_t>(wait.count()) / 4 + 1;
  return wait + Duration(static_cast<std::int64_t>(random % quarter));
}

Duration backoff(const Retry& retry, int attempt) {
  Duration wait = retry.first;
  for (int i = 1; i < attempt && wait < retry.max; ++i) wait *= 2;
  return std::min(wait, retry.max);
}

}  // namespace

FailureHandling::FailureHandling(PartitionEnvironment& environment,
                                 const std::shared_ptr<const StateReader>& state, Outbox& outbox,
                                 SliceDraft& slice)
    : environment_(environment),
      plan_(environment.plan),
      outbox_(outbox),
      slice_(slice),
      book_(environment.runtime, environment.partition, state, environment.clock,
            environment.routes->max_state_bytes) {}

void FailureHandling::read_clock() {
  if (wake_ && environment_.now >= *wake_) wake_.reset();
}

void FailureHandling::rewind() {
  wake_.reset();
  book_.rewind();
}

void FailureHandling::log(LogLevel level, const Attempt& attempt, const std::string& text) const {
  environment_.log(level, attempt.meta.correlation_id, text);
}

// --- a turn failed ---

bool FailureHandling::keeps_trying(const ServiceRuntime::Candidate& handler, Attempt& attempt,
                                   const std::exception_ptr& error) {
  environment_.metrics->failed_turns.add();
  HandlerTries& tries = attempt.tries_of(handler.handler);
  ++tries.attempts;
  const ErrorText text = describe(error);
  tries.reason = text.reason, tries.error_class = text.error_class;
  const auto [policy, is_named] = plan_.policy_for(*handler.plan, error);
  const bool is_used_up =
      text.is_decode_error || attempt.earlier_attempts + tries.attempts > policy.retry.times;
  if (!is_used_up && !attempt.is_released) {
    retry(handler, attempt, tries, policy.retry);
    return true;
  }
  FinalAction then = policy.then;
  if (text.is_decode_error && !is_named) then = FinalAction::dead_letter;
  // A parked record has one attempt at each release. While retries are left, its key stays parked.
  if (!is_used_up) then = FinalAction::park_key;
  return apply_final_action(attempt, tries, policy.probe, then);
}

void FailureHandling::retry(const ServiceRuntime::Candidate& handler, const Attempt& attempt,
                            const HandlerTries& tries, const Retry& policy) {
  environment_.metrics->retries.add();
  wake_ =
      environment_.now + with_jitter(backoff(policy, tries.attempts),
                                     hash64(attempt.meta.uuid, static_cast<std::uint64_t>(tries.attempts)));
  log(LogLevel::warning, attempt,
      "attempt " + std::to_string(tries.attempts) + " of " + std::string(handler.plan->name) +
          " failed, will try again: " + tries.reason);
}

bool FailureHandling::apply_final_action(Attempt& attempt, HandlerTries& tries, const Probe& probe,
                                         FinalAction then) {
  if (then == FinalAction::stop)
    throw Failure({ErrorCode::stopped, "service " + plan_.name + ": " +
                                           std::string(plan_.handlers[tries.handler].name) + " failed on " +
                                           attempt.place() + ", and its policy says stop: " + tries.reason});
  if (then == FinalAction::park_key && !can_be_parked(attempt)) then = FinalAction::dead_letter;
  if (attempt.is_released && then == FinalAction::pause_partition)
    then = FinalAction::park_key;  // it is parked already
  const bool is_full = then == FinalAction::park_key && !attempt.is_released && !has_room(attempt);
  if (then == FinalAction::pause_partition || is_full) {
    pause(attempt, probe, is_full ? "no room to park its key for " + tries.reason : tries.reason);
    return true;
  }
  tries.gave_up = true;
  tries.then = then;
  return false;
}

void FailureHandling::pause(Attempt& attempt, const Probe& probe, const std::string& reason) {
  hold(attempt, probe);
  const WaitingInput* known = book_.waiting(attempt.id);
  if (!known || !known->paused) tell_of_pause(attempt, probe, reason);
}

void FailureHandling::hold(Attempt& attempt, const Probe& probe) {
  wake_ = environment_.now + probe.interval;
  attempt.is_paused = true;
  probe_ = probe.check ? &probe : nullptr;
}

void FailureHandling::tell_of_pause(const Attempt& attempt, const Probe& probe, const std::string& reason) {
  environment_.metrics->pauses.add();
  log(LogLevel::error, attempt,
      "the partition pauses at " + attempt.place() + ", next try in " +
          std::to_string(probe.interval.count()) + " ms: " + reason);
}

// --- from attempt to attempt ---

bool FailureHandling::recall(Attempt& attempt, const WaitingInput& known) {
  const MonotonicTime due = book_.due(known);
  if (environment_.now < due) {
    wake_ = due;
    return false;
  }
  if (known.paused && probe_ && !ask_probe(attempt)) {
    wake_ = environment_.now + probe_->interval;
    return false;
  }
  for (const auto& f : known.failures)
    for (const auto& c : attempt.matched)
      if (environment_.runtime.handler_id(c.handler) == f.handler)
        attempt.failed.push_back({c.handler, f.attempts, f.gave_up, static_cast<FinalAction>(f.then),
                                  std::string(view(f.reason)), std::string(view(f.error_class))});
  return true;
}

// A probe that throws counts as a no.
bool FailureHandling::ask_probe(const Attempt& attempt) {
  static constexpr std::string_view name = "the probe of its pause";
  const TurnWatch::Running running(*environment_.watch, {&name, attempt.topic, attempt.meta.offset,
                                                         attempt.meta.partition_key.value_or("")});
  try {
    return probe_->check();
  } catch (...) {
    log(LogLevel::error, attempt,
        "the probe of a pause failed: " + describe(std::current_exception()).reason);
    return false;
  }
}

void FailureHandling::remember(const Attempt& attempt) {
  WaitingInput input{.topic = std::string(attempt.id.source), .offset = attempt.id.number};
  input.paused = attempt.is_paused;
  for (const auto& f : attempt.failed)
    input.failures.push_back({environment_.runtime.handler_id(f.handler), f.attempts, f.gave_up,
                              static_cast<std::uint8_t>(f.then), to_bytes(f.reason),
                              to_bytes(f.error_class)});
  // A pause is written once, not at each probe.
  const WaitingInput* known = book_.waiting(attempt.id);
  const bool is_news = !attempt.is_paused || !known || !known->paused;
  const bool is_long = *wake_ - environment_.now >= environment_.runtime.options().durable_wait;
  book_.wait(std::move(input), *wake_, is_news && is_long);
}

void FailureHandling::settle_failed(Attempt& attempt) {
  ParkedRecord row;
  for (const auto& f : attempt.failed) {
    if (!f.gave_up) continue;
    if (f.then != FinalAction::park_key) {
      dead_letter(attempt, {plan_.handlers[f.handler].name, f.error_class, f.reason, f.attempts});
      continue;
    }
    row.handlers.push_back(environment_.runtime.handler_id(f.handler));
    row.attempts = f.attempts, row.reason = to_bytes(f.reason), row.error_class = to_bytes(f.error_class);
  }
  if (!row.handlers.empty()) park(attempt, std::move(row));
}

void FailureHandling::go_on(const Attempt& attempt) {
  const WaitingInput* known = book_.waiting(attempt.id);
  if (known && known->paused) log(LogLevel::info, attempt, "the partition goes on at " + attempt.place());
  book_.done(attempt.id);
  probe_ = nullptr;
}

void FailureHandling::dead_letter(const Attempt& attempt, const GivenUp& what, OutputBuffer& into) {
  environment_.metrics->dead_letters.add();
  const std::string place = attempt.place();
  Outbox::DeadLetter letter{.reason = what.reason,
                            .error_class = what.error_class,
                            .handler = what.handler,
                            .attempts = what.attempts,
                            .time = environment_.date};
  if (const auto& record = attempt.record) {
    letter.topic = attempt.meta.topic, letter.partition = record->partition, letter.offset = record->offset;
    letter.key = record->key, letter.bytes = record->value, letter.tombstone = record->tombstone;
    letter.headers = record->headers;
  } else {
    letter.place = place, letter.key = attempt.key;
    letter.bytes = attempt.content->bytes().value_or("");
  }
  const auto targets = environment_.routes->partitions[ServiceRuntime::dead_letters.value];
  outbox_.dead_letter(letter, {environment_.partition.value % targets}, into);
  log(LogLevel::error, attempt, "dead letter: " + place + ": " + std::string(what.reason));
}

// --- parked keys ---

bool FailureHandling::can_be_parked(const Attempt& attempt) const {
  const auto size = attempt.parked_size();
  return attempt.key && size && book_.can_be_parked(*attempt.key, *size);
}

bool FailureHandling::has_room(const Attempt& attempt) const {
  const auto size = attempt.parked_size();
  return size && book_.has_room(*attempt.key, *size);
}

// The row says which handlers have to run and why.
void FailureHandling::park(const Attempt& attempt, ParkedRecord row) {
  row.topic = attempt.id.source;
  row.offset = attempt.id.number;
  if (const auto& record = attempt.record) {
    row.partition = record->partition.value;
    if (record->key) row.key = to_bytes(*record->key);
    row.value = to_bytes(record->value);
    for (const auto& h : record->headers) row.headers.push_back({to_bytes(h.name), to_bytes(h.value)});
  } else {
    row.partition = environment_.partition.value;
    row.value = to_bytes(attempt.content->bytes().value());
  }
  book_.park(*attempt.key, row, environment_.date);
  slice_.staged_state(attempt.parked_size().value());
  environment_.metrics->parked.add();
  if (row.attempts > 0)
    log(LogLevel::error, attempt,
        "a key is parked at " + attempt.place() + ": " + std::string(view(row.reason)));
}

// The partition releases the key itself, because a request to release it would lie after this record.
bool FailureHandling::park_behind(Attempt& attempt) {
  if (!has_room(attempt)) {
    book_.release(*attempt.key);
    pause(attempt, {},
          attempt.parked_size() ? "no room after its parked key"
                                : "its key is parked, and it cannot be parked itself");
    remember(attempt);
    return false;
  }
  ParkedRecord row;
  for (const auto& c : attempt.matched) row.handlers.push_back(environment_.runtime.handler_id(c.handler));
  go_on(attempt);
  park(attempt, std::move(row));
  return true;
}

void FailureHandling::release(std::string_view key) {
  if (!book_.load() || !book_.release(key)) return;
  const auto& left = book_.totals();
  // Not by log(): there is no input that the line could name.
  if (const auto& logger = environment_.runtime.options().log)
    logger->info("[{}/{}] a key is released; {} keys with {} records are parked in this partition",
                 plan_.name, environment_.partition.value, left.keys, left.records);
}

bool FailureHandling::settle_released(Attempt& attempt, ParkedRecord& row) {
  const int before = row.attempts;  // of all its handlers: they run together
  row.handlers.clear();
  for (const auto& f : attempt.failed) {
    if (f.then != FinalAction::park_key) {
      dead_letter(attempt, {plan_.handlers[f.handler].name, f.error_class, f.reason, before + f.attempts});
      continue;
    }
    row.handlers.push_back(environment_.runtime.handler_id(f.handler));
    row.attempts = before + f.attempts;
    row.reason = to_bytes(f.reason), row.error_class = to_bytes(f.error_class);
    log(LogLevel::error, attempt,
        "failed once more, its key stays parked: " + attempt.place() + ": " + f.reason);
  }
  return row.handlers.empty();
}

}  // namespace eventy
