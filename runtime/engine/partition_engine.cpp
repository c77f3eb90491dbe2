#include "eventy/engine/partition_engine.hpp"

#include <algorithm>

#include "failure_class.hpp"

namespace eventy {

namespace {

constexpr std::size_t looks_per_slice = 16, most_records_per_look = 64;

// Up to a quarter more, so that partitions that failed together do not come back together.
Duration with_jitter(Duration wait, std::uint64_t random) {
  const auto quarter = static_cast<std::uint64_t>(wait.count()) / 4 + 1;
  return wait + Duration(static_cast<std::int64_t>(random % quarter));
}

Duration backoff(const Retry& retry, int attempt) {
  Duration wait = retry.first;
  for (int i = 1; i < attempt && wait < retry.most; ++i) wait *= 2;
  return std::min(wait, retry.most);
}

}  // namespace

PartitionEngine::PartitionEngine(std::shared_ptr<const Routes> routes, PartitionId partition, Epoch epoch,
                                 std::shared_ptr<const StateReader> state, const Clock& clock)
    : routes_(std::move(routes)),
      runtime_(*routes_->runtime),
      plan_(runtime_.plan()),
      partition_(partition),
      epoch_(epoch),
      reader_(std::move(state)),
      clock_(clock),
      decoder_(runtime_.options().serializer->make_decoder(runtime_.options().limits)),
      state_encoder_(runtime_.options().state_format->make_encoder()),
      state_decoder_(runtime_.options().state_format->make_decoder(runtime_.options().limits)),
      outbox_(routes_) {}

PartitionEngine::~PartitionEngine() {
  drop_cache(false);
  if (undo_) plan_.state->drop(undo_);
}

void PartitionEngine::accept(std::shared_ptr<const Batch> batch) { queue_.push_back(std::move(batch)); }

PartitionEngine::Step PartitionEngine::step() {
  now_ = clock_.now();
  if (waits_until_ && now_ < *waits_until_) return {.wake = waits_until_};
  waits_until_.reset();
  if (queue_.empty()) return {};
  slice_ = {.lane = {partition_}, .epoch = epoch_};
  slice_.effects.partition = partition_;
  // As large as the last one was, so that it need not grow and move.
  slice_.effects.outputs.bytes.reserve(output_bytes_ + output_bytes_ / 8);
  slice_.effects.outputs.entries.reserve(output_entries_ + output_entries_ / 8);
  while (!queue_.empty() && !is_slice_full() && !waits_until_) {
    const auto batch = queue_.front();
    while (next_record_ < batch->records.size() && !is_slice_full()) {
      if (handle(batch, next_record_) == Progress::waits) break;
      ++next_record_, ++slice_.records, ++stats_.records;
    }
    const bool finished = next_record_ == batch->records.size();
    const Offset next = finished ? batch->next : batch->records[next_record_].offset;
    auto& positions = slice_.effects.positions;
    const auto known =
        std::find_if(positions.begin(), positions.end(), [&](auto& p) { return p.topic == batch->topic; });
    if (known != positions.end()) {
      known->next = next;
    } else if (finished || next_record_ > 0) {
      positions.push_back({batch->topic, next});
    }
    if (!finished) break;
    queue_.pop_front();
    next_record_ = 0;
    ++slice_.finished_batches;
  }
  Step step{.wake = waits_until_, .more = !queue_.empty() && !waits_until_};
  if (slice_.records > 0 || slice_.finished_batches > 0) {
    output_bytes_ = slice_.effects.outputs.bytes.size();
    output_entries_ = slice_.effects.outputs.entries.size();
    records_per_look_ = std::clamp<std::size_t>(slice_.records / looks_per_slice, 1, most_records_per_look);
    freeze_state();
    slice_.number = {slice_number_++};
    slice_.has_deferred = !deferred_.empty() && deferred_.back().slice == slice_.number.value;
    step.slice = std::move(slice_);
    evict();
  }
  return step;
}

// A slice that takes long would hold up the commit of what it has done, and a rebalance.
bool PartitionEngine::is_slice_full() const {
  if (slice_.records >= runtime_.options().max_records_per_slice) return true;
  if (slice_.records == 0 || slice_.records % records_per_look_ != 0) return false;
  return clock_.now() - now_ >= runtime_.options().max_time_per_slice;
}

PartitionEngine::Progress PartitionEngine::handle(const std::shared_ptr<const Batch>& batch,
                                                  std::size_t index) {
  const StoredRecord& record = batch->records[index];
  if (!decode(*batch, record)) return Progress::done;
  match(batch->topic);
  if (matched_.empty() || !find_key(*batch, record)) return Progress::done;
  origin_ = {.input_id = meta_.uuid, .correlation_id = meta_.correlation_id, .key = key_, .now = now_};
  if (!run_all(*batch, record)) return Progress::waits;
  for (const auto& c : matched_) {
    if (c.plan->guarantee == Guarantee::at_most_once && !gave_up(c.handler))
      deferred_.push_back({slice_number_, batch, index, c.handler});
  }
  for (const auto& f : failed_) {
    if (f.gave_up)
      give_up(record, plan_.handlers[f.handler].name, f.error_class, f.reason, f.attempts,
              slice_.effects.outputs);
  }
  failed_.clear();
  return Progress::done;
}

bool PartitionEngine::decode(const Batch& batch, const StoredRecord& record) {
  meta_.topic = runtime_.topic_name(batch.topic);
  meta_.partition = batch.partition;
  meta_.offset = record.offset;
  context_loaded_ = false;
  try {
    static_cast<Envelope&>(meta_) = decoder_->decode(record.value);
  } catch (const DecodeError& e) {
    static_cast<Envelope&>(meta_) = {};
    give_up(record, "", "DecodeError", e.what(), 1, slice_.effects.outputs);
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
    if (c.plan->name == meta_.name && c.plan->kind == meta_.kind && c.plan->ns == meta_.ns)
      matched_.push_back(c);
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

// The key whose state the record concerns. False where the record must not touch state here: it was forwarded
// or dead-lettered.
bool PartitionEngine::find_key(const Batch& batch, const StoredRecord& record) {
  bool has_way_home = false;
  try {
    has_way_home = read_key();
  } catch (const DecodeError& e) {
    give_up(record, "", "DecodeError", e.what(), 1, slice_.effects.outputs);
    return false;
  }
  if (!plan_.state) return true;
  if (!has_way_home) {
    give_up(record, "", "NoWayHome", "the response's context lacks the key of its requester", 1,
            slice_.effects.outputs);
    return false;
  }
  if (!key_) {
    give_up(record, "", "NoKey", "a record without a key cannot reach a service with state", 1,
            slice_.effects.outputs);
    return false;
  }
  const Partitioner by = runtime_.partitioner();
  const PartitionId home = partition_of(*key_, routes_->lead(), by);
  if (home == partition_) return true;
  if (meta_.kind == Kind::response && batch.topic != runtime_.returns()) {
    outbox_.forward(*runtime_.returns(),
                    partition_of(*key_, routes_->partitions[runtime_.returns()->value], by), *key_,
                    record.value, slice_.effects.outputs);
    return false;
  }
  give_up(record, "", "Misplaced",
          "its key belongs to partition " + std::to_string(home.value) + " by " + std::string(to_string(by)) +
              ", not to this one; the partitioner of a topic is set in [partitioners]",
          1, slice_.effects.outputs);
  return false;
}

// Runs the record's handlers of the cycle. A failure undoes the record as a whole; then it waits for a retry
// (false) or goes again without the handler that gave up, so that all its turns are in one slice.
bool PartitionEngine::run_all(const Batch& batch, const StoredRecord& record) {
  auto& transactional = slice_.effects.outputs;
  auto& immediate = slice_.immediate;
  const auto start = Outbox::mark(transactional);
  const auto start_now = Outbox::mark(immediate);
  for (bool again = true; again;) {
    again = false;
    undo_taken_ = false;
    for (const auto& candidate : matched_) {
      if (candidate.plan->guarantee == Guarantee::at_most_once || gave_up(candidate.handler)) continue;
      const bool at_once = candidate.plan->guarantee == Guarantee::at_least_once;
      const auto turn = Outbox::mark(immediate);
      try {
        state_allowed_ = true;
        edited_in_turn_ = false;
        run_turn(candidate, at_once ? immediate : transactional);
        // What a turn wrote must not be visible before the state that it changed.
        if (at_once && edited_in_turn_) Outbox::move_tail(immediate, turn, transactional);
      } catch (const Failure&) {
        throw;  // the store or the state cannot be trusted: not this record's fault
      } catch (const std::bad_alloc&) {
        throw;
      } catch (...) {
        Outbox::roll_back(transactional, start);
        Outbox::roll_back(immediate, start_now);
        undo_record();
        if (keeps_trying(candidate, std::current_exception())) return false;
        context_loaded_ = false;
        if (meta_.kind == Kind::response) find_key(batch, record);
        again = true;
        break;
      }
    }
  }
  return true;
}

void PartitionEngine::run_turn(const ServiceRuntime::Candidate& candidate, OutputBuffer& out) {
  ++stats_.turns;
  if (meta_.version != candidate.plan->version &&
      parse_version(meta_.version).value_or(Version{}).major != candidate.major)
    throw DecodeError("version " + std::string(meta_.version) + " of " + std::string(meta_.name) +
                      " is not read by a handler of version " + std::string(candidate.plan->version));
  entry_ = state_allowed_ && plan_.state ? &entry_for(*key_) : nullptr;
  origin_.deriver = &runtime_.deriver(candidate.handler);
  ordinal_ = 0;
  out_ = &out;
  detail::TurnCore core{key_, meta_, *this, now_};
  candidate.plan->run(candidate.plan->code.get(), core, decoder_->data());
}

// Books the failure. True: the record waits for another try.
bool PartitionEngine::keeps_trying(const ServiceRuntime::Candidate& candidate,
                                   const std::exception_ptr& error) {
  ++stats_.failed_turns;
  Failed& f = failed(candidate.handler);
  ++f.attempts;
  const ErrorText text = describe(error);
  f.reason = text.reason, f.error_class = text.error_class;
  const Retry& retry = plan_.policy_for(error).retry;
  // Bytes that do not decode will not decode later.
  if (text.is_decode_error || f.attempts > retry.times) {
    f.gave_up = true;
    return false;
  }
  ++stats_.retries;
  waits_until_ = now_ + with_jitter(backoff(retry, f.attempts),
                                    hash64(meta_.uuid, static_cast<std::uint64_t>(f.attempts)));
  log(LogLevel::warning, "attempt " + std::to_string(f.attempts) + " of " +
                             std::string(candidate.plan->name) + " failed, will try again: " + f.reason);
  return true;
}

void PartitionEngine::give_up(const StoredRecord& record, std::string_view handler,
                              std::string_view error_class, std::string_view reason, int attempts,
                              OutputBuffer& into) {
  ++stats_.dead_letters;
  outbox_.dead_letter({.reason = reason,
                       .error_class = error_class,
                       .handler = handler,
                       .attempts = attempts,
                       .topic = meta_.topic,
                       .partition = meta_.partition,
                       .offset = meta_.offset,
                       .time = now_,
                       .key = record.key,
                       .bytes = record.value},
                      {partition_.value % routes_->partitions[ServiceRuntime::dead_letters.value]}, into);
  log(LogLevel::error, "dead letter: " + std::string(meta_.topic) + '/' +
                           std::to_string(meta_.partition.value) + '@' + std::to_string(meta_.offset.value) +
                           ": " + std::string(reason));
}

OutputBuffer PartitionEngine::committed(SliceNumber up_to) {
  committed_ = up_to.value;
  now_ = clock_.now();
  OutputBuffer out;
  while (!deferred_.empty() && deferred_.front().slice <= up_to.value) {
    const Deferred d = std::move(deferred_.front());
    deferred_.pop_front();  // before it runs: whatever happens, never again
    const StoredRecord& record = d.batch->records[d.record];
    if (!decode(*d.batch, record)) continue;
    const auto& candidates = runtime_.candidates(d.batch->topic);
    const auto candidate = std::find_if(candidates.begin(), candidates.end(),
                                        [&](const auto& c) { return c.handler == d.handler; });
    const auto start = Outbox::mark(out);
    try {
      (void)read_key();  // where it leads was settled before the commit
      origin_ = {.input_id = meta_.uuid, .correlation_id = meta_.correlation_id, .key = key_, .now = now_};
      state_allowed_ = false;
      run_turn(*candidate, out);
    } catch (const Failure&) {
      throw;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (...) {
      Outbox::roll_back(out, start);
      ++stats_.failed_turns;
      const ErrorText text = describe(std::current_exception());
      give_up(record, candidate->plan->name, text.error_class, text.reason, 1, out);
    }
  }
  return out;
}

void PartitionEngine::rewind(Epoch epoch) {
  epoch_ = epoch;
  queue_.clear();
  next_record_ = 0;
  deferred_.clear();
  failed_.clear();
  waits_until_.reset();
  drop_cache(true);
  slice_number_ = 1;
  committed_ = 0;
}

void PartitionEngine::answer(std::string_view query, std::string_view key, Reader& question, Writer& out) {
  const auto it =
      std::find_if(plan_.queries.begin(), plan_.queries.end(), [&](auto& q) { return q.name == query; });
  if (it == plan_.queries.end())
    throw Failure(
        {ErrorCode::not_found, "service " + plan_.name + " answers no query " + std::string(query)});
  // Always from the store: what the cache holds may never be committed.
  void* state = plan_.state ? load(key) : nullptr;
  const auto drop = [&](void* s) {
    if (s) plan_.state->drop(s);
  };
  const std::unique_ptr<void, decltype(drop)> guard(state, drop);
  it->run(it->code.get(), state, question, out);
}

PartitionEngine::Failed& PartitionEngine::failed(std::uint32_t handler) {
  for (auto& f : failed_)
    if (f.handler == handler) return f;
  return failed_.emplace_back(Failed{.handler = handler});
}

bool PartitionEngine::gave_up(std::uint32_t handler) const {
  return std::any_of(failed_.begin(), failed_.end(),
                     [&](const Failed& f) { return f.handler == handler && f.gave_up; });
}

}  // namespace eventy
