#include "placement.hpp"

#include <stdexcept>

namespace eventy {

Placement::Placement(PartitionEnvironment& environment, const Translator& translator, Outbox& outbox,
                     FailureHandling& failures, SliceDraft& slice)
    : environment_(environment),
      translator_(translator),
      outbox_(outbox),
      failures_(failures),
      slice_(slice),
      misplaced_(environment.runtime, environment.partition, environment.routes->lead_partitions()) {}

PartitionId Placement::home_of(const Attempt& attempt) const {
  return partition_of(*attempt.key, environment_.routes->lead_partitions(),
                      environment_.runtime.partitioner());
}

Placement::Way Placement::settle(const Attempt& attempt, std::string_view error_class,
                                 const std::string& reason) {
  failures_.dead_letter(attempt, {"", error_class, reason});
  return Way::settled;
}

Placement::Way Placement::find_no_record(const Attempt& attempt) {
  if (!environment_.plan.state) return Way::here;
  if (!attempt.key)
    return settle(attempt, "NoKey", "an input without a key cannot reach a service with state");
  if (home_of(attempt) == environment_.partition) return Way::here;
  dead_letter_misplaced(attempt);
  return Way::settled;
}

Placement::Way Placement::find(Attempt& attempt) {
  if (!attempt.record) [[unlikely]]
    return find_no_record(attempt);
  const ServiceRuntime& runtime = environment_.runtime;
  bool has_requester_key = false;
  try {
    has_requester_key = translator_.find_key(attempt);
  } catch (const DecodeError& e) {
    return settle(attempt, "DecodeError", e.what());
  }
  if (!environment_.plan.state) return Way::here;
  if (!has_requester_key)
    return settle(attempt, "NoRequesterKey", "the response's context lacks the key of its requester");
  if (!attempt.key)
    return settle(attempt, "NoKey",
                  std::string("a record ") + (attempt.meta.partition_key ? "with an empty" : "without a") +
                      " partition_key cannot reach a service with state");
  if (home_of(attempt) == environment_.partition) {
    misplaced_.placed(attempt.record->topic);
    return Way::here;
  }
  if (attempt.meta.kind != Kind::response || attempt.record->topic == runtime.returns())
    return Way::misplaced;
  forward(attempt);
  return Way::settled;
}

// Sends a response on to the partition of its requester's key.
void Placement::forward(const Attempt& attempt) {
  const TopicIndex returns = *environment_.runtime.returns();
  const PartitionId target = partition_of(*attempt.key, environment_.routes->partitions[returns.value],
                                          environment_.runtime.partitioner());
  const auto start = Outbox::savepoint(slice_.outputs());
  try {
    outbox_.forward(returns, target, *attempt.key, attempt.record->value, slice_.outputs());
  } catch (const std::length_error& e) {
    Outbox::roll_back(slice_.outputs(), start);
    settle(attempt, "length_error", e.what());
  }
}

void Placement::dead_letter_misplaced(const Attempt& attempt) {
  settle(attempt, "Misplaced",
         "its key belongs to partition " + std::to_string(home_of(attempt).value) + " by " +
             std::string(to_string(environment_.runtime.partitioner())) +
             ", not to this one; the partitioner of a topic is set in [partitioners]");
}

// A pause outlives a restart, however few misplaced records are in hand after it.
bool Placement::pauses_at(Attempt& attempt, std::span<const Run> ahead) {
  using Before = MisplacedRecords::Before;
  const WaitingInput* known = failures_.book().waiting(attempt.id);
  const std::pair here(attempt.record->topic, attempt.record->offset);
  const bool was_paused = known && known->paused && known->failures.empty();
  const bool was_told = was_paused && told_ == here;
  std::optional<std::string> reason;
  if (was_told) {
    reason = "";
  } else if (attempt.meta.kind != Kind::response) {  // the key of its requester places a response
    reason = misplaced_.reason_to_pause(ahead, was_paused ? Before::paused : Before::handled);
  }
  if (reason) {
    failures_.hold(attempt, {});
    if (!was_told) failures_.tell_of_pause(attempt, {}, *reason);
    told_ = here;
    failures_.remember(attempt);
    return true;
  }
  if (known) failures_.go_on(attempt);
  dead_letter_misplaced(attempt);
  if (attempt.meta.kind != Kind::response) misplaced_.dead_lettered(attempt.record->topic, *attempt.key);
  return false;
}

}  // namespace eventy
