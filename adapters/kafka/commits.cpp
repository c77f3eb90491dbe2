#include "commits.hpp"

#include <algorithm>
#include <cstdlib>

#include "positions.hpp"

namespace eventy::kafka::detail {
namespace {

// Longer values are referred to in requests too, which may outlive an abort (message.copy.max.bytes).
constexpr std::uint32_t most_to_share = 65'535;

// Whether librdkafka may read the values where they are.
bool can_share(const OutputBuffer& outputs) {
  return std::all_of(outputs.entries.begin(), outputs.entries.end(),
                     [](const auto& e) { return e.headers == 0 && e.value_size <= most_to_share; });
}

// Views that are not null.
rd_kafka_message_t message_of(std::optional<std::string_view> key, std::optional<std::string_view> value) {
  rd_kafka_message_t message{};
  if (value) message.payload = const_cast<char*>(value->data()), message.len = value->size();
  if (key) message.key = const_cast<char*>(key->data()), message.key_len = key->size();
  return message;
}

}  // namespace

std::vector<Client::Outgoing> records_of(const Scope& scope, const OutputBuffer& outputs) {
  std::vector<Client::Outgoing> records;
  for (const auto& e : outputs.entries) {
    auto& out = records.emplace_back();
    out.to = scope.in_kafka({e.partition, e.topic});
    if (e.has_key) out.key = outputs.key(e);
    out.value = outputs.value(e);
    for (std::uint32_t h = 0; h < e.headers; ++h) {
      const Header header = outputs.header(outputs.headers[e.first_header + h]);
      out.headers.emplace_back(header.name, header.value);
    }
  }
  return records;
}

Result<void> Commits::open() {
  std::vector<Client::Limits> limits = scope_.limits;
  auto changelog = scope_.client->limits_of(changelog_of(scope_.options.service));
  if (!changelog) return changelog.error();
  limits.push_back(*changelog);
  auto transaction = Transaction::open(*scope_.client, scope_.transactional_id(),
                                       Client::batch_size_for(limits), scope_.client->options().on_step);
  if (!transaction) return transaction.error();
  transaction_ = *std::move(transaction);
  transaction_->will_write_to(scope_.topics_in_kafka());
  if (!worker_) worker_.emplace();
  return {};
}

Result<void> Commits::renew() {
  transaction_.reset();
  broken_.reset();
  return open();
}

void Commits::add(std::shared_ptr<const OutputBuffer> outputs) {
  worker_->begin([this, outputs = std::move(outputs)] { add_now(outputs); });
}

void Commits::commit(Flight& flight) {
  worker_->begin([this, &flight] {
    commit_now(flight);
    flight.landed = true;
    wake_();
  });
}

void Commits::abort() {
  worker_->begin([this] { abort_now(); });
}

void Commits::wait() { worker_->wait(); }

void Commits::close() {
  worker_.reset();  // with what is under way
  if (transaction_ && transaction_->begun() && !broken_) transaction_->give_up();
  transaction_.reset();
}

std::optional<Error> Commits::failure() {
  std::lock_guard lock(failure_mutex_);
  return failure_;
}

// --- the worker's ---

Result<void> Commits::begin_if_needed() {
  if (transaction_->begun()) return {};
  return transaction_->begin();
}

void Commits::add_now(const std::shared_ptr<const OutputBuffer>& outputs) {
  if (broken_) return;
  auto added = begin_if_needed();
  if (!added) {
    broken_ = Landing{Landing::How::failed, added.error()};
    return;
  }
  added = can_share(*outputs) ? share(outputs) : copy(*outputs);
  if (!added) broken_ = transaction_->abort(added.error());
}

Result<void> Commits::share(const std::shared_ptr<const OutputBuffer>& outputs) {
  for (auto& [place, run] : runs_) run.clear();
  const OutputBuffer::Entry* last = nullptr;
  Transaction::Run* run = nullptr;
  for (const auto& e : outputs->entries) {
    if (!last || last->topic != e.topic || last->partition != e.partition)
      run = &runs_[{e.partition, e.topic}];
    last = &e;
    run->push_back(message_of(e.has_key ? std::optional(outputs->key(e)) : std::nullopt, outputs->value(e)));
  }
  transaction_->keep(outputs);
  for (auto& [place, records] : runs_) {
    if (records.empty()) continue;
    auto added = transaction_->add(scope_.in_kafka(place), records, Transaction::Values::kept);
    if (!added) return added;
  }
  return {};
}

Result<void> Commits::copy(const OutputBuffer& outputs) {
  for (const auto& record : records_of(scope_, outputs))
    if (auto added = transaction_->add(record); !added) return added;
  return {};
}

Result<void> Commits::add_states(Flight& flight) {
  Transaction::Run run;
  for (const auto& [p, states] : flight.effects.states) {
    run.clear();
    for (const auto& [key, value] : states)
      run.emplace_back(message_of(key, value))._private = &flight.logs[p].next;
    auto added = transaction_->add({scope_.changelog(), static_cast<std::int32_t>(p.value)}, run,
                                   Transaction::Values::copied);
    if (!added) return added;
  }
  return {};
}

PartitionList Commits::positions_of(const Flight& flight) const {
  auto list = make_list(static_cast<int>(flight.effects.positions.size()));
  for (const auto& [place, next] : flight.effects.positions) {
    PositionNote note{.by = scope_.transactional_id(),
                      .cycle = scope_.run + "-" + std::to_string(flight.cycle.value)};
    if (const auto log = flight.logs.find(place.first); log != flight.logs.end())
      note.log = incarnation_of(log->second), note.log_reached = log->second.next;
    add_position(*list, scope_.in_kafka(place), next, note);
  }
  return list;
}

void Commits::commit_now(Flight& flight) {
  if (broken_) {
    flight.landing = *broken_;
    if (broken_->how == Landing::How::aborted) broken_.reset();
    return;
  }
  if (flight.effects.empty()) return;
  const auto positions = positions_of(flight);  // of the changelog's end before this cycle
  auto added = begin_if_needed();
  if (!added) {
    flight.landing = {Landing::How::failed, added.error()};
  } else if (added = add_states(flight); !added) {
    flight.landing = transaction_->abort(added.error());
  } else {
    flight.landing = transaction_->commit(positions.get(), flight.group.get());
  }
  if (flight.landing.how == Landing::How::committed) {
    scope_.client->step(Step::commit_acknowledged);
    if (auto applied = apply_states(flight); !applied)
      flight.landing = {Landing::How::failed, applied.error()};
    scope_.client->step(Step::local_store_written);
  } else if (flight.landing.how != Landing::How::aborted) {
    broken_ = flight.landing;
  }
}

// After the commit, so that a copy is never ahead of its log. Each partition's changes and its place in the
// log together.
Result<void> Commits::apply_states(Flight& flight) const {
  std::vector<LocalState::Change> changes;
  for (const auto& [p, states] : flight.effects.states) {
    changes.assign(states.begin(), states.end());
    LogPlace& log = flight.logs[p];
    log.synced = SystemClock{}.now();
    if (auto applied = flight.copies.at(p)->apply(changes, log); !applied) return applied;
  }
  return {};
}

void Commits::abort_now() {
  if (broken_ && broken_->how == Landing::How::aborted) broken_.reset();
  if (broken_ || !transaction_->begun()) return;
  Landing landing = transaction_->abort({ErrorCode::aborted, "the session went back"});
  if (landing.how != Landing::How::failed) return;
  {
    std::lock_guard lock(failure_mutex_);
    failure_ = landing.error;
  }
  broken_ = std::move(landing);
  wake_();
}

}  // namespace eventy::kafka::detail
