#include "eventy/engine/partition_engine.hpp"

#include <algorithm>

#include "eventy/engine/failure_class.hpp"
#include "failure_book.hpp"
#include "misplaced.hpp"

namespace eventy {

namespace {

constexpr std::size_t looks_per_slice = 16, max_records_per_poll = 64;

}  // namespace

PartitionEngine::PartitionEngine(std::shared_ptr<const Routes> routes, PartitionId partition, Epoch epoch,
                                 std::shared_ptr<const StateReader> state, const Clock& clock,
                                 std::shared_ptr<TurnWatch> watch)
    : routes_(std::move(routes)),
      runtime_(*routes_->runtime),
      plan_(runtime_.plan()),
      partition_(partition),
      epoch_(epoch),
      reader_(std::move(state)),
      clock_(clock),
      watch_(std::move(watch)),
      decoders_(runtime_, [&](const auto& s) { return s.make_decoder(runtime_.options().limits); }),
      state_encoder_(runtime_.options().state_format->make_encoder()),
      state_decoder_(runtime_.options().state_format->make_decoder(runtime_.options().limits)),
      outbox_(routes_),
      failures_(
          std::make_unique<FailureBook>(runtime_, partition_, reader_, clock_, routes_->max_state_size)),
      misplaced_(std::make_unique<MisplacedRecords>(runtime_, partition_, routes_->lead())) {}

PartitionEngine::~PartitionEngine() {
  drop_cache(false);
  if (undo_) plan_.state->drop(undo_);
}

void PartitionEngine::accept(std::shared_ptr<const Batch> batch, Offset from) {
  const auto& records = batch->records;
  const auto first = std::partition_point(records.begin(), records.end(),
                                          [&](const StoredRecord& r) { return r.offset < from; });
  queue_.push_back({batch, static_cast<std::size_t>(first - records.begin())});
  if (queue_.size() == 1) next_record_ = queue_.front().first;
}

void PartitionEngine::look_at_clock() { now_ = clock_.now(), date_ = clock_.date(); }

PartitionEngine::Step PartitionEngine::step() {
  look_at_clock();
  if (!failures_->load()) return {};
  begin_slice();
  work_on_released();
  if (waits_until_ && now_ >= *waits_until_) waits_until_.reset();
  if (!waits_until_) work_on_queue();
  Step step{.wake = waits_until_, .more = (!queue_.empty() && !waits_until_) || failures_->releasing()};
  step.waits = waits_until_.has_value();
  if (released_ > 0 || slice_.records > 0 || slice_.finished_batches > 0 || failures_->has_changes())
    step.slice = end_slice();
  return step;
}

void PartitionEngine::begin_slice() {
  slice_ = {.task = {partition_}, .epoch = epoch_};
  slice_.effects.partition = partition_;
  released_ = 0;
  slice_state_bytes_ = 0;
  if (queue_.empty() || waits_until_) return;
  // As large as the last one was, so that it need not grow and move.
  slice_.effects.outputs.bytes.reserve(output_bytes_ + output_bytes_ / 8);
  slice_.effects.outputs.entries.reserve(output_entries_ + output_entries_ / 8);
}

void PartitionEngine::work_on_queue() {
  while (!queue_.empty() && !is_slice_full() && !waits_until_) {
    const auto batch = queue_.front().batch;
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
    next_record_ = queue_.empty() ? 0 : queue_.front().first;
    ++slice_.finished_batches;
  }
}

Slice PartitionEngine::end_slice() {
  output_bytes_ = slice_.effects.outputs.bytes.size();
  output_entries_ = slice_.effects.outputs.entries.size();
  records_per_poll_ = std::clamp<std::size_t>(slice_.records / looks_per_slice, 1, max_records_per_poll);
  freeze_state();
  failures_->end_slice(slice_number_, slice_.effects.state);
  slice_.effects.measure();
  slice_.number = {slice_number_++};
  slice_.has_deferred = !deferred_.empty() && deferred_.back().slice == slice_.number.value;
  Slice done = std::move(slice_);
  evict();
  return done;
}

// A slice that takes long would hold up the commit of what it has done, and a rebalance.
bool PartitionEngine::is_slice_full() const {
  if (slice_.effects.outputs.bytes.size() + slice_state_bytes_ >= routes_->max_slice_size) return true;
  const std::uint64_t records = slice_.records + released_;
  if (records >= runtime_.options().max_records_per_slice) return true;
  if (records == 0 || records % records_per_poll_ != 0) return false;
  return clock_.now() - now_ >= runtime_.options().max_time_per_slice;
}

OutputBuffer PartitionEngine::committed(SliceNumber up_to) {
  committed_ = up_to.value;
  failures_->committed(up_to.value);
  look_at_clock();
  OutputBuffer out;
  while (!deferred_.empty() && deferred_.front().slice <= up_to.value) {
    const Deferred d = std::move(deferred_.front());
    deferred_.pop_front();  // before it runs: whatever happens, never again
    const StoredRecord& record = d.batch->records[d.record];
    if (!decode(*d.batch, record)) continue;
    const auto& candidates = runtime_.candidates(d.batch->topic);
    const auto candidate = std::find_if(candidates.begin(), candidates.end(),
                                        [&](const auto& c) { return c.handler == d.handler; });
    const auto start = Outbox::savepoint(out);
    try {
      (void)read_key();  // where it leads was settled before the commit
      origin_ = {.input_id = meta_.uuid, .correlation_id = meta_.correlation_id, .key = key_, .date = date_};
      state_allowed_ = false;
      run_turn(*candidate, out);
    } catch (...) {
      throw_if_crash(nullptr);  // what runs at most once has no second try
      Outbox::roll_back(out, start);
      ++stats_.failed_turns;
      const ErrorText text = describe(std::current_exception());
      give_up(*d.batch, record, {candidate->plan->name, text.error_class, text.reason, 1}, out);
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
  failures_->rewind();
  misplaced_->rewind();
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
  const TurnWatch::Running running(*watch_, {.what = &it->name});
  it->run(it->code.get(), state, question, out);
}

}  // namespace eventy
