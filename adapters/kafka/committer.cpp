#include "committer.hpp"

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

std::vector<Client::Outgoing> records_of(const SessionIdentity& identity, const OutputBuffer& outputs) {
  std::vector<Client::Outgoing> records;
  for (const auto& e : outputs.entries) {
    auto& out = records.emplace_back();
    out.to = identity.in_kafka({e.partition, e.topic});
    out.key = outputs.key_or_null(e), out.value = outputs.value_or_null(e);
    for (std::uint32_t h = 0; h < e.headers; ++h) {
      const Header header = outputs.header(outputs.headers[e.first_header + h]);
      out.headers.emplace_back(header.name, header.value);
    }
  }
  return records;
}

Result<void> Committer::find_limits() {
  auto changelog = identity_.client->limits_of(changelog_of(identity_.options.service));
  if (!changelog) return changelog.error();
  changelog_limits_ = *changelog;
  worker_.emplace();
  return {};
}

Result<void> Committer::open() {
  std::vector<Client::Limits> limits = identity_.limits;
  limits.push_back(changelog_limits_);
  ProducerOptions producer{.batch_size = Client::batch_size_for(limits),
                           .on_step = identity_.client->options().on_step};
  // Positions sent right after a commit often have to be sent again: see Transaction::send_positions(). Where
  // that is not all of a cycle's time, records that a broker cannot take for a while are not sent a thousand
  // times a second for it.
  if (identity_.has_short_cycles()) producer.linger = {}, producer.retry = std::chrono::milliseconds(1);
  auto transaction = TransactionalProducer::open(*identity_.client, identity_.transactional_id(), producer);
  if (!transaction) return transaction.error();
  transaction_ = *std::move(transaction);
  transaction_->will_write_to(identity_.topics_in_kafka());
  return {};
}

Result<void> Committer::renew() {
  transaction_.reset();
  broken_.reset();
  return open();
}

void Committer::add(EarlyPart early) {
  ++waiting_;
  worker_->begin([this, early = std::make_shared<const EarlyPart>(std::move(early))] {
    --waiting_;
    if (broken_) return;
    Landing landing = add_now(*early);
    if (landing.how != Landing::How::committed) broken_ = std::move(landing);
  });
}

void Committer::commit(PendingCommit& pending) {
  ++waiting_;
  worker_->begin([this, &pending] {
    --waiting_;
    commit_now(pending);
    pending.landed = true;
    wake_();
  });
}

void Committer::abort() {
  worker_->begin([this] { abort_now(); });
}

void Committer::wait() { worker_->wait(); }

void Committer::close() {
  worker_.reset();  // with what is under way
  if (transaction_ && transaction_->begun() && !broken_) transaction_->give_up();
  transaction_.reset();
}

std::optional<Error> Committer::failure() {
  std::lock_guard lock(failure_mutex_);
  return failure_;
}

// --- the worker's ---

// A transaction begins with what `send` sends: positions.
template <class Send>
Landing Committer::begin_if_needed(const Send& send) {
  if (transaction_->begun()) return {};
  sent_.clear();
  for (auto& [p, reached] : reached_) reached = {};
  if (auto begun = transaction_->begin(); !begun) return {Landing::How::failed, begun.error()};
  return send();
}

Landing Committer::add_now(const EarlyPart& early) {
  const auto send = [&] {
    return send_positions(early.positions, early.cycle, {{early.partition, early.log}}, early.group.get());
  };
  if (auto begun = begin_if_needed(send); begun.how != Landing::How::committed) return begun;
  Result<void> added;
  if (early.outputs) added = add_outputs(early.outputs);
  if (added) added = add_states(early.partition, early.states);
  if (!added) return transaction_->abort(added.error());
  return waiting_ == 0 ? send() : Landing{};  // else the commit sends them
}

Result<void> Committer::add_outputs(const std::shared_ptr<const OutputBuffer>& outputs) {
  return can_share(*outputs) ? share(outputs) : copy(*outputs);
}

Result<void> Committer::share(const std::shared_ptr<const OutputBuffer>& outputs) {
  for (auto& [place, run] : runs_) run.clear();
  const OutputBuffer::Entry* last = nullptr;
  TransactionalProducer::Messages* run = nullptr;
  for (const auto& e : outputs->entries) {
    if (!last || last->topic != e.topic || last->partition != e.partition)
      run = &runs_[{e.partition, e.topic}];
    last = &e;
    run->push_back(message_of(outputs->key_or_null(e), outputs->value_or_null(e)));
  }
  transaction_->keep(outputs);
  for (auto& [place, records] : runs_) {
    if (records.empty()) continue;
    auto added = transaction_->add(identity_.in_kafka(place), records, TransactionalProducer::Values::kept);
    if (!added) return added;
  }
  return {};
}

Result<void> Committer::copy(const OutputBuffer& outputs) {
  for (const auto& record : records_of(identity_, outputs))
    if (auto added = transaction_->add(record); !added) return added;
  return {};
}

Result<void> Committer::add_states(PartitionId partition, const States& states) {
  if (states.empty()) return {};
  TransactionalProducer::Messages run;
  for (const auto& [key, value] : states)
    run.emplace_back(message_of(key, value))._private = &reached_[partition];
  return transaction_->add({identity_.changelog(), static_cast<std::int32_t>(partition.value)}, run,
                           TransactionalProducer::Values::copied);
}

Result<void> Committer::add_rest(const OpenCycle& cycle) {
  for (std::size_t i = cycle.outputs_sent; i < cycle.outputs.size(); ++i)
    if (auto added = add_outputs(cycle.outputs[i]); !added) return added;
  if (cycle.states_sent) return {};
  for (const auto& [p, states] : cycle.states)
    if (auto added = add_states(p, states); !added) return added;
  return {};
}

Landing Committer::send_positions(const std::map<Place, Position>& positions, const std::string& cycle,
                                  const Logs& logs, const rd_kafka_consumer_group_metadata_t* group) {
  auto list = make_list(static_cast<int>(positions.size()));
  for (const auto& [place, position] : positions) {
    PositionNote note{.by = identity_.transactional_id(), .cycle = cycle};
    if (const auto log = logs.find(place.first); log != logs.end())
      note.log = incarnation_of(log->second), note.log_reached = log->second.next;
    const auto [known, is_new] = sent_.try_emplace(place);
    const Sent now{position.next, note.log_reached};
    if (!is_new && known->second == now) continue;
    known->second = now;
    add_position(*list, identity_.in_kafka(place), position, note);
  }
  return list->cnt > 0 ? transaction_->send_positions(*list, group) : Landing{};
}

void Committer::commit_now(PendingCommit& pending) {
  if (broken_) {
    pending.landing = *broken_;
    if (broken_->how == Landing::How::aborted) broken_.reset();
    return;
  }
  if (pending.effects.empty()) return;
  pending.landing = write(pending);
  if (pending.landing.how == Landing::How::committed) {
    identity_.client->step(Step::commit_acknowledged);
    if (auto applied = apply_states(pending); !applied)
      pending.landing = {Landing::How::failed, applied.error()};
    identity_.client->step(Step::local_store_written);
  } else if (pending.landing.how != Landing::How::aborted) {
    broken_ = pending.landing;
  }
}

Landing Committer::write(const PendingCommit& pending) {
  // The notes tell of the changelog's end before this cycle.
  const auto send = [&] {
    return send_positions(pending.effects.positions, pending.effects.name, pending.logs, pending.group.get());
  };
  if (auto begun = begin_if_needed(send); begun.how != Landing::How::committed) return begun;
  if (auto added = add_rest(pending.effects); !added) return transaction_->abort(added.error());
  transaction_->step(Step::after_produce);
  transaction_->step(Step::before_send_offsets);
  if (auto sent = send(); sent.how != Landing::How::committed) return sent;
  transaction_->step(Step::after_send_offsets);
  return transaction_->commit();
}

// After the commit, so that a copy is never ahead of its log. Each partition's changes and its place in the
// log together.
Result<void> Committer::apply_states(PendingCommit& pending) const {
  std::vector<LocalState::Change> changes;
  for (const auto& [p, states] : pending.effects.states) {
    changes.assign(states.begin(), states.end());
    LogPlace& log = pending.logs[p];
    if (const auto reached = reached_.find(p); reached != reached_.end())
      log.next = std::max(log.next, reached->second);
    log.synced = SystemClock{}.date();
    if (auto applied = pending.copies.at(p)->apply(changes, log); !applied) return applied;
  }
  return {};
}

void Committer::abort_now() {
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
