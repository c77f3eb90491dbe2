#include "failure_book.hpp"

#include <algorithm>

#include "eventy/store/rules.hpp"

namespace eventy {

namespace {

const std::string waiting_row = "w", totals_row = "t";
constexpr std::size_t max_settled = 10'000;

// The record's own bytes in a row.
std::size_t size_of(const ParkedRecord& r) {
  std::size_t size = r.value.size() + (r.key ? r.key->size() : 0);
  for (const auto& h : r.headers) size += h.name.size() + h.value.size();
  return size;
}

}  // namespace

std::string parked_key(std::uint64_t sequence, std::string_view key) {
  std::string row = "r";
  for (int shift = 56; shift >= 0; shift -= 8) row.push_back(static_cast<char>(sequence >> shift & 0xff));
  return row.append(key);
}

// --- rows ---

std::optional<std::string> StagedRows::get(const std::string& key) const {
  if (const auto it = staged_.find(key); it != staged_.end()) return it->second.value;
  return committed_->get(keyspace_, key).value();
}

void StagedRows::put(std::string key, std::optional<std::string> value) {
  const auto [it, fresh] = staged_.try_emplace(key);
  if (fresh || it->second.slice != 0) changed_.push_back(std::move(key));
  it->second = {std::move(value), 0};
}

void StagedRows::end_slice(std::uint64_t slice, std::vector<StateChange>& into) {
  for (auto& key : changed_) {
    Row& row = staged_.at(key);
    row.slice = slice;
    into.push_back({keyspace_, std::move(key), row.value});
  }
  changed_.clear();
}

void StagedRows::committed(std::uint64_t up_to) {
  std::erase_if(staged_, [&](const auto& row) { return row.second.slice != 0 && row.second.slice <= up_to; });
}

void StagedRows::rewind() { staged_.clear(), changed_.clear(); }

// --- the book ---

FailureBook::FailureBook(const ServiceRuntime& runtime, PartitionId partition,
                         const std::shared_ptr<const StateReader>& state, const Clock& clock,
                         std::size_t max_state_bytes)
    : runtime_(runtime),
      partition_(partition),
      clock_(clock),
      max_state_bytes_(max_state_bytes),
      encoder_(runtime.options().state_format->make_encoder()),
      decoder_(runtime.options().state_format->make_decoder(runtime.options().limits)),
      rows_(state, runtime.failures_keyspace()) {}

template <class Row>
std::optional<Row> FailureBook::get(const std::string& key) const {
  const auto bytes = rows_.get(key);
  if (!bytes) return std::nullopt;
  Row row{};
  try {
    read_state(detail::state_ops<Row>, *bytes, *decoder_, &row);
  } catch (...) {
    detail::throw_for_state(
        detail::name_of_state(runtime_.plan().name, partition_, "the row of failures", key, rows_.place()));
  }
  return row;
}

template <class Row>
std::string FailureBook::encode(const Row& row) const {
  std::string bytes;
  write_state(detail::state_ops<Row>, &row, *encoder_, bytes);
  return bytes;
}

template <class Row>
void FailureBook::put(std::string key, const Row& row) {
  rows_.put(std::move(key), encode(row));
}

bool FailureBook::load() try {
  if (is_loaded_) return true;
  auto kept = get<WaitingInput>(waiting_row);
  has_waiting_row_ = kept.has_value();
  if (kept && !waiting_) {  // what this process remembers is newer
    // Clocks may have been set since it was written, or differ between nodes, so the wait is limited.
    const Instant date = clock_.date();
    const Duration longest = 2 * runtime_.plan().longest_wait();  // more than jitter adds
    due_ = clock_.now() + (std::clamp(kept->due, date, date + longest) - date);
    waiting_ = std::move(kept);
  }
  totals_ = get<ParkedTotals>(totals_row).value_or(ParkedTotals{});
  return is_loaded_ = true;
} catch (const Failure& e) {
  if (e.error().code != ErrorCode::fenced) throw;
  return false;
}

// --- with the slices ---

void FailureBook::end_slice(std::uint64_t slice, std::vector<StateChange>& into) {
  rows_.end_slice(slice, into);
  for (auto& s : settled_)
    if (!s.undone && s.slice == 0) s.slice = slice;
}

void FailureBook::committed(std::uint64_t up_to) {
  rows_.committed(up_to);
  std::erase_if(settled_, [&](const Settled& s) { return !s.undone && s.slice != 0 && s.slice <= up_to; });
}

void FailureBook::rewind() {
  rows_.rewind();
  is_loaded_ = false;
  for (auto& s : settled_) s.undone = true;
}

// --- the input that waits ---

const WaitingInput* FailureBook::find_waiting(const InputId& id) const {
  if (waiting_ && waiting_->id() == id) return &*waiting_;
  for (const auto& s : settled_)
    if (s.undone && s.input.id() == id) return &s.input;
  return nullptr;
}

MonotonicTime FailureBook::due(const WaitingInput& known) const {
  return waiting_ && &known == &*waiting_ ? due_ : MonotonicTime{};
}

void FailureBook::wait(WaitingInput input, MonotonicTime due, bool durably) {
  forget_undone(input.id());
  input.due = std::chrono::ceil<Instant::duration>(clock_.wall() + (due - clock_.now()));
  due_ = due;
  waiting_ = std::move(input);
  if (!durably) return;
  put(waiting_row, *waiting_);
  has_waiting_row_ = true;
}

void FailureBook::done(const InputId& id) {
  const WaitingInput* known = waiting(id);
  if (!known) return;
  const bool waited = waiting_ && known == &*waiting_;
  WaitingInput input = *known;
  forget_undone(input.id());
  settled_.push_back({std::move(input)});
  if (settled_.size() > max_settled) settled_.pop_front();
  if (!waited) return;
  waiting_.reset();
  if (std::exchange(has_waiting_row_, false)) rows_.put(waiting_row, std::nullopt);
}

void FailureBook::forget_undone(const InputId& id) {
  std::erase_if(settled_, [&](const Settled& s) { return s.undone && s.input.id() == id; });
}

// --- parked keys ---

bool FailureBook::has_head(std::string_view key) const { return rows_.get(head_key(key)).has_value(); }

std::uint64_t FailureBook::parked(std::string_view key) const {
  const auto head = get<ParkedHead>(head_key(key)).value_or(ParkedHead{});
  return head.next - head.first;
}

// A row holds the record's bytes and what failed. A quarter more than the bytes is enough for that.
bool FailureBook::can_be_parked(std::string_view key, std::size_t record_bytes) const {
  return key.size() + 9 <= max_state_key_bytes &&
         key.size() + record_bytes + record_bytes / 4 <= max_state_bytes_;
}

bool FailureBook::has_room(std::string_view key, std::size_t record_bytes) const {
  const ParkingLimits& most = runtime_.options().parking;
  if (!can_be_parked(key, record_bytes) || record_bytes > most.record_bytes ||
      totals_.records >= most.records || totals_.bytes + record_bytes > most.bytes)
    return false;
  return parked(key) < most.records_per_key;
}

void FailureBook::park(std::string_view key, const ParkedRecord& record, Instant date) {
  auto head = get<ParkedHead>(head_key(key));
  if (!head) {
    head = ParkedHead{.since = date, .reason = record.reason};
    ++totals_.keys;
  }
  put(parked_key(head->next++, key), record);
  put(head_key(key), *head);
  ++totals_.records;
  totals_.bytes += size_of(record);
  put_totals();
}

std::optional<ParkedRecord> FailureBook::first(std::string_view key) const {
  const auto head = get<ParkedHead>(head_key(key));
  if (!head) return std::nullopt;
  auto record = get<ParkedRecord>(parked_key(head->first, key));
  if (!record)
    throw Failure({ErrorCode::corrupt, "service " + runtime_.plan().name + ": parked record " +
                                           std::to_string(head->first) + " of a key is missing"});
  return record;
}

void FailureBook::drop_first(std::string_view key, const ParkedRecord& record) {
  auto head = get<ParkedHead>(head_key(key)).value();
  rows_.put(parked_key(head.first++, key), std::nullopt);
  --totals_.records;
  totals_.bytes -= std::min<std::uint64_t>(totals_.bytes, size_of(record));
  if (head.first == head.next) {
    rows_.put(head_key(key), std::nullopt);
    --totals_.keys;
    stop_releasing(key);
  } else {
    put(head_key(key), head);
  }
  put_totals();
}

void FailureBook::keep_first(std::string_view key, const ParkedRecord& record) {
  auto head = get<ParkedHead>(head_key(key)).value();
  head.reason = record.reason;
  put(parked_key(head.first, key), record);
  put(head_key(key), head);
  stop_releasing(key);
  put_totals();
}

bool FailureBook::release(std::string_view key) {
  if (!is_parked(key)) return false;
  stop_releasing(key);  // no second entry
  totals_.releasing.push_back(to_bytes(key));
  put_totals();
  return true;
}

std::optional<std::string> FailureBook::releasing() const {
  if (totals_.releasing.empty()) return std::nullopt;
  return std::string(view(totals_.releasing.front()));
}

void FailureBook::stop_releasing(std::string_view key) {
  std::erase_if(totals_.releasing, [&](const Bytes& b) { return view(b) == key; });
}

void FailureBook::put_totals() { put(totals_row, totals_); }

}  // namespace eventy
