// The part of PartitionEngine that decides what becomes of failed turns: another try, a dead letter, a parked
// key, a pause, the end; and the release of parked keys.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "eventy/engine/failure_class.hpp"
#include "eventy/engine/parking.hpp"
#include "eventy/engine/partition_engine.hpp"
#include "failure_book.hpp"

namespace eventy {

namespace {

// Up to a quarter more, so that partitions that failed together do not come back together.
Duration with_jitter(Duration wait, std::uint64_t random) {
  const auto quarter = static_cast<std::uint64_t>(wait.count()) / 4 + 1;
  return wait + Duration(static_cast<std::int64_t>(random % quarter));
}

Duration backoff(const Retry& retry, int attempt) {
  Duration wait = retry.first;
  for (int i = 1; i < attempt && wait < retry.max; ++i) wait *= 2;
  return std::min(wait, retry.max);
}

std::span<const Header> headers_of(const Batch& batch, const StoredRecord& record) {
  return std::span(batch.headers).subspan(record.first_header, record.headers);
}

std::size_t size_of(const Batch& batch, const StoredRecord& record) {
  std::size_t size = record.value.size() + (record.key ? record.key->size() : 0);
  for (const auto& h : headers_of(batch, record)) size += h.name.size() + h.value.size();
  return size;
}

// A parked record as if it had just been read.
std::shared_ptr<const Batch> batch_of(const ParkedRecord& row, TopicIndex topic) {
  auto batch = std::make_shared<Batch>();
  batch->topic = topic;
  batch->partition = {row.partition};
  batch->next = {row.offset + 1};
  std::string& slab = batch->slab;
  slab.append(view(row.value));
  if (row.key) slab.append(view(*row.key));
  for (const auto& h : row.headers) slab.append(view(h.name)).append(view(h.value));
  slab.append(value_padding, '\0');
  std::string_view rest = slab;
  const auto take = [&](const Bytes& b) {
    const auto taken = rest.substr(0, b.size());
    rest.remove_prefix(b.size());
    return taken;
  };
  StoredRecord record{.offset = {row.offset}, .value = take(row.value)};
  if (row.key) record.key = take(*row.key);
  for (const auto& h : row.headers) {
    const auto name = take(h.name);
    batch->headers.push_back({name, take(h.value)});
  }
  record.headers = static_cast<std::uint32_t>(batch->headers.size());
  batch->records.push_back(record);
  return batch;
}

}  // namespace

// --- a turn failed ---

// Books the failure. True: the record stays where it is and waits, for another try or for a probe.
bool PartitionEngine::keeps_trying(const ServiceRuntime::Candidate& candidate, const Batch& batch,
                                   const StoredRecord& record, const std::exception_ptr& error) {
  ++stats_.failed_turns;
  Failed& f = failed(candidate.handler);
  ++f.attempts;
  const ErrorText text = describe(error);
  f.reason = text.reason, f.error_class = text.error_class;
  const auto [policy, is_named] = plan_.policy_for(*candidate.plan, error);
  const bool is_used_up = text.is_decode_error || parked_attempts_ + f.attempts > policy.retry.times;
  if (is_used_up || from_parked_) {
    FinalAction then = policy.then;
    if (text.is_decode_error && !is_named) then = FinalAction::dead_letter;
    // A parked record has one try at each release; as long as tries are left, its key stays parked.
    if (!is_used_up) then = FinalAction::park_key;
    return is_last(f, policy.probe, then, batch, record);
  }
  ++stats_.retries;
  waits_until_ = now_ + with_jitter(backoff(policy.retry, f.attempts),
                                    hash64(meta_.uuid, static_cast<std::uint64_t>(f.attempts)));
  log(LogLevel::warning, "attempt " + std::to_string(f.attempts) + " of " +
                             std::string(candidate.plan->name) + " failed, will try again: " + f.reason);
  return true;
}

// No retry is left: true where the partition pauses, else the handler gives up.
bool PartitionEngine::is_last(Failed& f, const Probe& probe, FinalAction then, const Batch& batch,
                              const StoredRecord& record) {
  if (then == FinalAction::stop)
    throw Failure({ErrorCode::stopped, "service " + plan_.name + ": " +
                                           std::string(plan_.handlers[f.handler].name) + " failed on " +
                                           place() + ", and its policy says stop: " + f.reason});
  if (then == FinalAction::park_key && (!key_ || !failures_->can_be_parked(*key_, size_of(batch, record))))
    then = FinalAction::dead_letter;
  if (from_parked_ && then == FinalAction::pause_partition)
    then = FinalAction::park_key;  // where it is already
  const bool is_full = then == FinalAction::park_key && !from_parked_ && !has_room(batch, record);
  if (then == FinalAction::pause_partition || is_full) {
    pause(probe, is_full ? "no room to park its key for " + f.reason : f.reason);
    return true;
  }
  f.gave_up = true;
  f.then = then;
  return false;
}

void PartitionEngine::pause(const Probe& probe, const std::string& reason) {
  hold(probe);
  const WaitingInput* known = failures_->waiting({meta_.topic, meta_.offset.value});
  if (!known || !known->paused) tell_of_pause(probe, reason);
}

void PartitionEngine::hold(const Probe& probe) {
  waits_until_ = now_ + probe.every;
  paused_ = true;
  probe_ = probe.ask ? &probe : nullptr;
}

void PartitionEngine::tell_of_pause(const Probe& probe, const std::string& reason) {
  ++stats_.pauses;
  log(LogLevel::error, "the partition pauses at " + place() + ", next look in " +
                           std::to_string(probe.every.count()) + " ms: " + reason);
}

// What is known of earlier tries of this record. False: the next one is not due yet.
bool PartitionEngine::recall() {
  failed_.clear();
  paused_ = false;
  const WaitingInput* known = failures_->waiting({meta_.topic, meta_.offset.value});
  if (!known) return true;
  waits_until_ = failures_->due(*known);
  if (now_ < *waits_until_) return false;
  waits_until_.reset();
  if (known->paused && probe_ && !ask_probe()) {
    waits_until_ = now_ + probe_->every;
    return false;
  }
  for (const auto& f : known->failures)
    for (const auto& c : matched_)
      if (runtime_.handler_id(c.handler) == f.handler)
        failed_.push_back({c.handler, f.attempts, f.gave_up, static_cast<FinalAction>(f.then),
                           std::string(view(f.reason)), std::string(view(f.error_class))});
  return true;
}

// A probe that throws has found no reason to go on.
bool PartitionEngine::ask_probe() {
  static constexpr std::string_view name = "the probe of its pause";
  const TurnWatch::Running running(*watch_, {&name, topic_, meta_.offset, meta_.partition_key.value_or("")});
  try {
    return probe_->ask();
  } catch (...) {
    log(LogLevel::error, "the probe of a pause failed: " + describe(std::current_exception()).reason);
    return false;
  }
}

PartitionEngine::Progress PartitionEngine::remember() {
  WaitingInput record{.topic = std::string(meta_.topic), .offset = meta_.offset.value};
  record.paused = paused_;
  for (const auto& f : failed_)
    record.failures.push_back({runtime_.handler_id(f.handler), f.attempts, f.gave_up,
                               static_cast<std::uint8_t>(f.then), to_bytes(f.reason),
                               to_bytes(f.error_class)});
  // A pause is written once, not at each look of its probe.
  const WaitingInput* known = failures_->waiting({meta_.topic, meta_.offset.value});
  const bool is_news = !paused_ || !known || !known->paused;
  const bool is_long = *waits_until_ - now_ >= runtime_.options().durable_wait;
  failures_->wait(std::move(record), *waits_until_, is_news && is_long);
  return Progress::waits;
}

// Its turns are staged; what the handlers that gave up leave behind comes with them.
void PartitionEngine::settle(const Batch& batch, const StoredRecord& record) {
  if (paused_ || failures_->waiting({meta_.topic, meta_.offset.value})) go_on();
  if (failed_.empty()) return;  // nearly always
  ParkedRecord row;
  for (const auto& f : failed_) {
    if (!f.gave_up) continue;
    if (f.then != FinalAction::park_key) {
      give_up(batch, record, {plan_.handlers[f.handler].name, f.error_class, f.reason, f.attempts},
              slice_.effects.outputs);
      continue;
    }
    row.handlers.push_back(runtime_.handler_id(f.handler));
    row.attempts = f.attempts, row.reason = to_bytes(f.reason), row.error_class = to_bytes(f.error_class);
  }
  if (!row.handlers.empty()) park(batch, record, std::move(row));
  failed_.clear();
}

void PartitionEngine::go_on() {
  const WaitingInput* known = failures_->waiting({meta_.topic, meta_.offset.value});
  if (known && known->paused) log(LogLevel::info, "the partition goes on at " + place());
  failures_->done({meta_.topic, meta_.offset.value});
  paused_ = false;
  probe_ = nullptr;
}

void PartitionEngine::give_up(const Batch& batch, const StoredRecord& record, const GivenUp& what,
                              OutputBuffer& into) {
  ++stats_.dead_letters;
  outbox_.dead_letter({.reason = what.reason,
                       .error_class = what.error_class,
                       .handler = what.handler,
                       .attempts = what.attempts,
                       .topic = meta_.topic,
                       .partition = meta_.partition,
                       .offset = meta_.offset,
                       .time = date_,
                       .key = record.key,
                       .bytes = record.value,
                       .tombstone = record.tombstone,
                       .headers = headers_of(batch, record)},
                      {partition_.value % routes_->partitions[ServiceRuntime::dead_letters.value]}, into);
  log(LogLevel::error, "dead letter: " + place() + ": " + std::string(what.reason));
}

std::string PartitionEngine::place() const {
  return std::string(meta_.topic) + '/' + std::to_string(meta_.partition.value) + '@' +
         std::to_string(meta_.offset.value);
}

// --- parked keys ---

bool PartitionEngine::has_room(const Batch& batch, const StoredRecord& record) const {
  return failures_->has_room(*key_, size_of(batch, record));
}

// Its row says which handlers are still to run and why.
void PartitionEngine::park(const Batch& batch, const StoredRecord& record, ParkedRecord row) {
  row.topic = meta_.topic;
  row.partition = batch.partition.value;
  row.offset = record.offset.value;
  if (record.key) row.key = to_bytes(*record.key);
  row.value = to_bytes(record.value);
  for (const auto& h : headers_of(batch, record))
    row.headers.push_back({to_bytes(h.name), to_bytes(h.value)});
  failures_->park(*key_, row, date_);
  slice_state_bytes_ += size_of(batch, record);
  ++stats_.parked;
  if (row.attempts > 0)
    log(LogLevel::error, "a key is parked at " + place() + ": " + std::string(view(row.reason)));
}

// A record of a key that is parked keeps its place in the order of the key. Where there is no room for it, a
// request to release the key would lie behind it: so the key itself is tried again at each look.
PartitionEngine::Progress PartitionEngine::park_behind(const Batch& batch, const StoredRecord& record) {
  if (!has_room(batch, record)) {
    failed_.clear();
    failures_->release(*key_);
    pause({}, "no room behind its parked key");
    return remember();
  }
  ParkedRecord row;
  for (const auto& c : matched_) row.handlers.push_back(runtime_.handler_id(c.handler));
  go_on();
  park(batch, record, std::move(row));
  return Progress::done;
}

// A request to release a key, from whoever looks after the service. False: it is another record.
bool PartitionEngine::take_release() {
  if (meta_.kind != Kind::request || meta_.ns != plan_.ns || meta_.name != release_request_name) return false;
  if (meta_.partition_key) release(*meta_.partition_key);
  return true;
}

void PartitionEngine::release(std::string_view key) {
  if (!failures_->load() || !failures_->release(key)) return;
  const auto& left = failures_->totals();
  // Not through log(): outside of a turn there is no record that it could name.
  if (const auto& logger = runtime_.options().log)
    logger->info("[{}/{}] a key is released; {} keys with {} records are parked in this partition",
                 plan_.name, partition_.value, left.keys, left.records);
}

std::uint64_t PartitionEngine::parked(std::string_view key) {
  return failures_->load() ? failures_->parked(key) : 0;
}

void PartitionEngine::work_on_released() {
  while (!is_slice_full()) {
    const auto key = failures_->releasing();
    if (!key) return;
    release_first(*key);
    ++released_;
  }
}

void PartitionEngine::release_first(const std::string& key) {
  ParkedRecord row = failures_->first(key).value();
  const auto topic = runtime_.topic_named(row.topic);
  const auto batch = batch_of(row, topic.value_or(ServiceRuntime::requests));
  ++stats_.released;
  if (!topic) {  // so its format is not known either
    meta_ = {};
    meta_.topic = row.topic, meta_.partition = {row.partition}, meta_.offset = {row.offset};
    has_no_handler(*batch, row);
  } else if (runs_again(*batch, row)) {
    defer(batch, 0);
    if (!settle_parked(*batch, row)) return failures_->keep_first(key, row);
  }
  failures_->drop_first(key, row);
}

// Runs the handlers that a parked record waits for. False: there are none any more, or it went elsewhere.
bool PartitionEngine::runs_again(const Batch& batch, const ParkedRecord& row) {
  const StoredRecord& record = batch.records.front();
  if (!decode(batch, record)) return false;
  match(batch.topic);
  std::erase_if(matched_, [&](const auto& c) {
    return std::find(row.handlers.begin(), row.handlers.end(), runtime_.handler_id(c.handler)) ==
           row.handlers.end();
  });
  if (matched_.empty()) {
    has_no_handler(batch, row);
    return false;
  }
  const Way way = find_key(batch, record);
  if (way == Way::misplaced) give_up_misplaced(batch, record);
  if (way != Way::here) return false;
  failed_.clear();
  from_parked_ = true;
  parked_attempts_ = row.attempts;
  run_all(batch, record);
  from_parked_ = false;
  parked_attempts_ = 0;
  return true;
}

void PartitionEngine::has_no_handler(const Batch& batch, const ParkedRecord& row) {
  give_up(batch, batch.records.front(),
          {"", "NoHandler", "it was parked for handlers that the service no longer has", row.attempts},
          slice_.effects.outputs);
}

// True: nothing of it is left to run.
bool PartitionEngine::settle_parked(const Batch& batch, ParkedRecord& row) {
  const int before = row.attempts;  // of the record: the handlers that wait are tried together
  row.handlers.clear();
  for (const auto& f : failed_) {
    if (f.then != FinalAction::park_key) {
      give_up(batch, batch.records.front(),
              {plan_.handlers[f.handler].name, f.error_class, f.reason, before + f.attempts},
              slice_.effects.outputs);
      continue;
    }
    row.handlers.push_back(runtime_.handler_id(f.handler));
    row.attempts = before + f.attempts;
    row.reason = to_bytes(f.reason), row.error_class = to_bytes(f.error_class);
    log(LogLevel::error, "failed once more, its key stays parked: " + place() + ": " + f.reason);
  }
  failed_.clear();
  return row.handlers.empty();
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
