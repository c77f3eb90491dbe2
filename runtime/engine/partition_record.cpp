// The part of PartitionEngine that handles one record: what it is, whose key it has, and the turns of its
// handlers.
#include <algorithm>
#include <new>
#include <stdexcept>

#include "eventy/engine/partition_engine.hpp"
#include "eventy/store/rules.hpp"
#include "failure_book.hpp"
#include "misplaced.hpp"

namespace eventy {

PartitionEngine::Progress PartitionEngine::handle(const std::shared_ptr<const Batch>& batch,
                                                  std::size_t index) {
  const StoredRecord& record = batch->records[index];
  if (!decode(*batch, record)) return Progress::done;
  if (take_release()) return Progress::done;
  match(batch->topic);
  if (matched_.empty()) return Progress::done;
  const Way way = find_key(*batch, record);
  if (way == Way::settled) return Progress::done;
  if (way == Way::misplaced) return take_misplaced(*batch, index);
  if (key_ && failures_->is_parked(*key_)) return park_behind(*batch, record);
  if (!recall()) return Progress::waits;
  if (!run_all(*batch, record)) return remember();
  defer(batch, index);
  settle(*batch, record);
  return Progress::done;
}

// At-most-once turns come after the commit.
void PartitionEngine::defer(const std::shared_ptr<const Batch>& batch, std::size_t index) {
  for (const auto& c : matched_)
    if (c.plan->guarantee == Guarantee::at_most_once)
      deferred_.push_back({slice_number_, batch, index, c.handler});
}

bool PartitionEngine::decode(const Batch& batch, const StoredRecord& record) {
  topic_ = &runtime_.topic_name(batch.topic);
  meta_.topic = *topic_;
  meta_.partition = batch.partition;
  meta_.offset = record.offset;
  context_loaded_ = false;
  decoder_ = &decoders_.of(batch.topic);
  try {
    if (record.tombstone) [[unlikely]]
      throw DecodeError("a tombstone: it has no value, not even an empty one");
    static_cast<Envelope&>(meta_) = decoder_->decode(record.value);
  } catch (const DecodeError& e) {
    static_cast<Envelope&>(meta_) = {};
    give_up(batch, record, {"", "DecodeError", e.what()}, slice_.effects.outputs);
    return false;
  }
  // A response for somebody else is none of our business; its data is never read.
  if (meta_.kind == Kind::response && meta_.destination != plan_.ns) {
    ++stats_.dropped;
    return false;
  }
  return true;
}

void PartitionEngine::match(TopicIndex topic) {
  matched_.clear();
  for (const auto& c : runtime_.candidates(topic))
    if (c.plan->handles(meta_)) matched_.push_back(c);
}

// Takes the requester's key out of the context of a response to this service; false: it is not there.
bool PartitionEngine::take_requester_key() {
  if (decoder_->context_is_empty()) return false;
  load_context();
  const auto own = context_.find(plan_.ns);
  if (own == context_.end()) return false;
  const auto kept = own->second.find(request_entry_name(meta_.request_uuid));
  if (kept == own->second.end()) return false;
  const auto* key = std::get_if<std::string>(&kept->second);
  if (key) {
    key_storage_ = *key;
    key_ = *key_storage_;
  }
  const bool found = key != nullptr;
  own->second.erase(kept);
  if (own->second.empty()) context_.erase(own);
  return found;
}

// The key as handlers see it; that of a response is its requester's, which leaves the context. False: a
// response whose context lacks it. Throws DecodeError.
bool PartitionEngine::read_key() {
  key_ = meta_.partition_key;
  if (key_ && key_->empty()) key_.reset();
  return meta_.kind != Kind::response || take_requester_key();
}

// The key whose state the record concerns. Where that is not here, the record must not touch state: it was
// forwarded or dead-lettered, or it is misplaced and still to be dealt with.
PartitionEngine::Way PartitionEngine::find_key(const Batch& batch, const StoredRecord& record) {
  bool has_way_home = false;
  try {
    has_way_home = read_key();
  } catch (const DecodeError& e) {
    give_up(batch, record, {"", "DecodeError", e.what()}, slice_.effects.outputs);
    return Way::settled;
  }
  if (!plan_.state) return Way::here;
  if (!has_way_home) {
    give_up(batch, record, {"", "NoWayHome", "the response's context lacks the key of its requester"},
            slice_.effects.outputs);
    return Way::settled;
  }
  if (!key_) {
    const std::string reason = std::string("a record ") +
                               (meta_.partition_key ? "with an empty" : "without a") +
                               " partition_key cannot reach a service with state";
    give_up(batch, record, {"", "NoKey", reason}, slice_.effects.outputs);
    return Way::settled;
  }
  const Partitioner by = runtime_.partitioner();
  if (partition_of(*key_, routes_->lead(), by) == partition_) {
    misplaced_->placed(batch.topic);
    return Way::here;
  }
  if (meta_.kind == Kind::response && batch.topic != runtime_.returns()) {
    const auto start = Outbox::savepoint(slice_.effects.outputs);
    try {
      outbox_.forward(*runtime_.returns(),
                      partition_of(*key_, routes_->partitions[runtime_.returns()->value], by), *key_,
                      record.value, slice_.effects.outputs);
    } catch (const std::length_error& e) {
      Outbox::roll_back(slice_.effects.outputs, start);
      give_up(batch, record, {"", "length_error", e.what()}, slice_.effects.outputs);
    }
    return Way::settled;
  }
  return Way::misplaced;
}

// One that lies where its key does not belong. Many of them are no fault of theirs, and nothing of them is
// read before somebody has looked.
PartitionEngine::Progress PartitionEngine::take_misplaced(const Batch& batch, std::size_t index) {
  const WaitingInput* known = failures_->waiting({meta_.topic, meta_.offset.value});
  const std::pair here(batch.topic, meta_.offset);
  const bool pauses = known && known->paused && known->failures.empty();
  const bool was_told = pauses && told_misplaced_ == here;
  const auto reason = was_told ? std::string() : reason_to_pause(batch, index, pauses);
  if (reason) {
    failed_.clear();
    hold({});
    if (!was_told) tell_of_pause({}, *reason);
    told_misplaced_ = here;
    return remember();
  }
  if (paused_ || known) go_on();
  give_up_misplaced(batch, batch.records[index]);
  if (meta_.kind != Kind::response) misplaced_->dead_lettered(batch.topic, *key_);
  return Progress::done;
}

// nullopt: it becomes a dead letter. After a restart a pause stays one, however few of them are in hand now.
std::optional<std::string> PartitionEngine::reason_to_pause(const Batch& batch, std::size_t index,
                                                            bool pauses) {
  if (meta_.kind == Kind::response) return std::nullopt;  // placed by the key of its requester
  std::vector<MisplacedRecords::Run> ahead{{&batch, index}};
  for (std::size_t i = 1; i < queue_.size(); ++i) ahead.push_back({queue_[i].batch.get(), queue_[i].first});
  using Before = MisplacedRecords::Before;
  return misplaced_->reason_to_pause(ahead, pauses ? Before::paused : Before::handled);
}

void PartitionEngine::give_up_misplaced(const Batch& batch, const StoredRecord& record) {
  const Partitioner by = runtime_.partitioner();
  const PartitionId home = partition_of(*key_, routes_->lead(), by);
  const std::string reason = "its key belongs to partition " + std::to_string(home.value) + " by " +
                             std::string(to_string(by)) +
                             ", not to this one; the partitioner of a topic is set in [partitioners]";
  give_up(batch, record, {"", "Misplaced", reason}, slice_.effects.outputs);
}

// Runs the record's handlers of the cycle. A failure undoes the record as a whole; then it waits for a retry
// (false) or goes again without the handler that gave up, so that all its turns are in one slice.
bool PartitionEngine::run_all(const Batch& batch, const StoredRecord& record) {
  origin_ = {.input_id = meta_.uuid, .correlation_id = meta_.correlation_id, .key = key_, .date = date_};
  auto& transactional = slice_.effects.outputs;
  auto& immediate = slice_.immediate;
  const auto start = Outbox::savepoint(transactional);
  const auto start_now = Outbox::savepoint(immediate);
  for (bool again = true; again;) {
    again = false;
    undo_taken_ = false;
    for (const auto& candidate : matched_) {
      if (candidate.plan->guarantee == Guarantee::at_most_once || gave_up(candidate.handler)) continue;
      const bool at_once = candidate.plan->guarantee == Guarantee::at_least_once;
      const auto turn = Outbox::savepoint(immediate);
      try {
        state_allowed_ = true;
        edited_in_turn_ = false;
        run_turn(candidate, at_once ? immediate : transactional);
        // What a turn wrote must not be visible before the state that it changed.
        if (at_once && edited_in_turn_) Outbox::move_tail(immediate, turn, transactional);
        check_outputs_size(transactional.bytes.size() - start.bytes);
      } catch (...) {
        throw_if_crash(candidate.plan);
        Outbox::roll_back(transactional, start);
        Outbox::roll_back(immediate, start_now);
        undo_record();
        if (keeps_trying(candidate, batch, record, std::current_exception())) return false;
        context_loaded_ = false;
        if (meta_.kind == Kind::response) find_key(batch, record);
        again = true;
        break;
      }
    }
  }
  return true;
}

void PartitionEngine::refuse_other_version(const ServiceRuntime::Candidate& candidate) const {
  const auto& handler = *candidate.plan;
  if (meta_.version == handler.version) [[likely]]
    return;
  const auto major = parse_version(meta_.version).value_or(Version{}).major;
  if (major == candidate.major || (handler.upgrades_from && handler.upgrades_from(major))) return;
  throw DecodeError("version " + std::string(meta_.version) + " of " + std::string(meta_.name) +
                    " is not read by a handler of version " + std::string(handler.version));
}

void PartitionEngine::run_turn(const ServiceRuntime::Candidate& candidate, OutputBuffer& out) {
  ++stats_.turns;
  in_handler_ = false;
  refuse_other_version(candidate);
  entry_ = nullptr;
  if (state_allowed_ && plan_.state) {
    if (key_->size() > max_state_key_size)
      throw std::length_error("a key of " + std::to_string(key_->size()) +
                              " bytes is over the limit of keys with a state, " +
                              std::to_string(max_state_key_size));
    entry_ = &entry_for(*key_);
  }
  origin_.deriver = &runtime_.deriver(candidate.handler);
  ordinal_ = 0;
  out_ = &out;
  detail::TurnCore core{key_, meta_.version, &meta_, *this, date_};
  const TurnWatch::Running running(*watch_, {&candidate.plan->name, topic_, meta_.offset, key_.value_or("")});
  in_handler_ = true;
  candidate.plan->run(candidate.plan->code.get(), core, decoder_->data());
  in_handler_ = false;
  check_state_size();
}

// Called where something was caught. Throws it again where it is not this record's fault: the store or the
// state cannot be trusted, or memory is short and no policy names std::bad_alloc. `tried`: the handler, where
// it may go again.
void PartitionEngine::throw_if_crash(const Plan::Handler* tried) const {
  try {
    throw;
  } catch (const Failure&) {
    throw;
  } catch (const std::bad_alloc&) {
    if (!in_handler_) throw;
    if (tried && !plan_.policy_for(*tried, std::current_exception()).is_named) throw;
  } catch (...) {
  }
}

}  // namespace eventy
