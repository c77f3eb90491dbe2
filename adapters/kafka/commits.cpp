#include "commits.hpp"

#include <algorithm>
#include <cstdlib>

#include "positions.hpp"

namespace eventy::kafka::detail {
namespace {

// Longer values are referred to in requests too, which may outlive an abort (message.copy.max.bytes).
constexpr std::uint32_t max_to_share = 65'535;

// Whether librdkafka may read the values where they are.
bool can_share(const OutputBuffer& outputs) {
  return std::all_of(outputs.entries.begin(), outputs.entries.end(),
                     [](const auto& e) { return e.headers == 0 && e.value_size <= max_to_share; });
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
    out.key = outputs.key_or_null(e), out.value = outputs.value_or_null(e);
    for (std::uint32_t h = 0; h < e.headers; ++h) {
      const Header header = outputs.header(outputs.headers[e.first_header + h]);
      out.headers.emplace_back(header.name, header.value);
    }
  }
  return records;
}

Result<void> Commits::find_limits() {
  auto changelog = scope_.client->limits_of(changelog_of(scope_.options.service));
  if (!changelog) return changelog.error();
  changelog_limits_ = *changelog;
  worker_.emplace();
  return {};
}

Result<void> Commits::open() {
  std::vector<Client::Limits> limits = scope_.limits;
  limits.push_back(changelog_limits_);
  ProducerOptions producer{.batch_size = Client::batch_size_for(limits),
                           .on_step = scope_.client->options().on_step};
  // Positions sent right after a commit often have to be sent again: see Transaction::send_positions(). Where
  // that is not all of a cycle's time, records that a broker cannot take for a while are not sent a thousand
  // times a second for it.
  if (scope_.has_short_cycles()) producer.linger = {}, producer.retry = std::chrono::milliseconds(1);
  auto transaction = Transaction::open(*scope_.client, scope_.transactional_id(), producer);
  if (!transaction) return transaction.error();
  transaction_ = *std::move(transaction);
  transaction_->will_write_to(scope_.topics_in_kafka());
  return {};
}

Result<void> Commits::renew() {
  transaction_.reset();
  broken_.reset();
  return open();
}

void Commits::add(Ahead ahead) {
  ++waiting_;
  worker_->begin([this, ahead = std::make_shared<const Ahead>(std::move(ahead))] {
    --waiting_;
    if (broken_) return;
    Landing landing = add_now(*ahead);
    if (landing.how != Landing::How::committed) broken_ = std::move(landing);
  });
}

void Commits::commit(Flight& flight) {
  ++waiting_;
  worker_->begin([this, &flight] {
    --waiting_;
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

// A transaction begins with what `send` sends: positions.
template <class Send>
Landing Commits::begin_if_needed(const Send& send) {
  if (transaction_->begun()) return {};
  sent_.clear();
  for (auto& [p, reached] : reached_) reached = {};
  if (auto begun = transaction_->begin(); !begun) return {Landing::How::failed, begun.error()};
  return send();
}

Landing Commits::add_now(const Ahead& ahead) {
  const auto send = [&] {
    return send_positions(ahead.positions, ahead.cycle, {{ahead.partition, ahead.log}}, ahead.group.get());
  };
  if (auto begun = begin_if_needed(send); begun.how != Landing::How::committed) return begun;
  Result<void> added;
  if (ahead.outputs) added = add_outputs(ahead.outputs);
  if (added) added = add_states(ahead.partition, ahead.states);
  if (!added) return transaction_->abort(added.error());
  return waiting_ == 0 ? send() : Landing{};  // else the commit sends them
}

Result<void> Commits::add_outputs(const std::shared_ptr<const OutputBuffer>& outputs) {
  return can_share(*outputs) ? share(outputs) : copy(*outputs);
}

Result<void> Commits::share(const std::shared_ptr<const OutputBuffer>& outputs) {
  for (auto& [place, run] : runs_) run.clear();
  const OutputBuffer::Entry* last = nullptr;
  Transaction::Run* run = nullptr;
  for (const auto& e : outputs->entries) {
    if (!last || last->topic != e.topic || last->partition != e.partition)
      run = &runs_[{e.partition, e.topic}];
    last = &e;
    run->push_back(message_of(outputs->key_or_null(e), outputs->value_or_null(e)));
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

Result<void> Commits::add_states(PartitionId partition, const States& states) {
  if (states.empty()) return {};
  Transaction::Run run;
  for (const auto& [key, value] : states)
    run.emplace_back(message_of(key, value))._private = &reached_[partition];
  return transaction_->add({scope_.changelog(), static_cast<std::int32_t>(partition.value)}, run,
                           Transaction::Values::copied);
}

Result<void> Commits::add_rest(const Cycle& cycle) {
  for (std::size_t i = cycle.outputs_sent; i < cycle.outputs.size(); ++i)
    if (auto added = add_outputs(cycle.outputs[i]); !added) return added;
  if (cycle.states_sent) return {};
  for (const auto& [p, states] : cycle.states)
    if (auto added = add_states(p, states); !added) return added;
  return {};
}

Landing Commits::send_positions(const std::map<Place, Position>& positions, const std::string& cycle,
                                const Logs& logs, const rd_kafka_consumer_group_metadata_t* group) {
  auto list = make_list(static_cast<int>(positions.size()));
  for (const auto& [place, position] : positions) {
    PositionNote note{.by = scope_.transactional_id(), .cycle = cycle};
    if (const auto log = logs.find(place.first); log != logs.end())
      note.log = incarnation_of(log->second), note.log_reached = log->second.next;
    const auto [known, is_new] = sent_.try_emplace(place);
    const Sent now{position.next, note.log_reached};
    if (!is_new && known->second == now) continue;
    known->second = now;
    add_position(*list, scope_.in_kafka(place), position, note);
  }
  return list->cnt > 0 ? transaction_->send_positions(*list, group) : Landing{};
}

void Commits::commit_now(Flight& flight) {
  if (broken_) {
    flight.landing = *broken_;
    if (broken_->how == Landing::How::aborted) broken_.reset();
    return;
  }
  if (flight.effects.empty()) return;
  flight.landing = write(flight);
  if (flight.landing.how == Landing::How::committed) {
    scope_.client->step(Step::commit_acknowledged);
    if (auto applied = apply_states(flight); !applied)
      flight.landing = {Landing::How::failed, applied.error()};
    scope_.client->step(Step::local_store_written);
  } else if (flight.landing.how != Landing::How::aborted) {
    broken_ = flight.landing;
  }
}

Landing Commits::write(const Flight& flight) {
  // The notes tell of the changelog's end before this cycle.
  const auto send = [&] {
    return send_positions(flight.effects.positions, flight.effects.name, flight.logs, flight.group.get());
  };
  if (auto begun = begin_if_needed(send); begun.how != Landing::How::committed) return begun;
  if (auto added = add_rest(flight.effects); !added) return transaction_->abort(added.error());
  transaction_->step(Step::after_produce);
  transaction_->step(Step::before_send_offsets);
  if (auto sent = send(); sent.how != Landing::How::committed) return sent;
  transaction_->step(Step::after_send_offsets);
  return transaction_->commit();
}

// After the commit, so that a copy is never ahead of its log. Each partition's changes and its place in the
// log together.
Result<void> Commits::apply_states(Flight& flight) const {
  std::vector<LocalState::Change> changes;
  for (const auto& [p, states] : flight.effects.states) {
    changes.assign(states.begin(), states.end());
    LogPlace& log = flight.logs[p];
    if (const auto reached = reached_.find(p); reached != reached_.end())
      log.next = std::max(log.next, reached->second);
    log.synced = SystemClock{}.date();
    if (auto applied = flight.copies.at(p)->apply(changes, log); !applied) return applied;
  }
  return {};
}

void Commits::abort_now() {
  if (broken_ && broken_->how == Landing::How::aborted) broken_.reset();
  if (broken_ || !transaction_ || !transaction_->begun()) return;
  transaction_->deliver();
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
