#include "committer.hpp"

#include <algorithm>
#include <cstdlib>

#include "positions.hpp"

namespace eventy::kafka::detail {
namespace {

// The default of message.copy.max.bytes. Requests refer to longer values in place, and a request may outlive
// the abort of its transaction.
constexpr std::uint32_t max_size_in_place = 65'535;

// Whether librdkafka may read the values in place.
bool can_stay_in_place(const OutputBuffer& outputs) {
  return std::all_of(outputs.entries.begin(), outputs.entries.end(),
                     [](const auto& e) { return e.headers == 0 && e.value_size <= max_size_in_place; });
}

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

Result<void> Committer::open_producer() {
  std::vector<Client::Limits> limits = identity_.limits;
  limits.push_back(changelog_limits_);
  ProducerOptions options{.batch_size = Client::batch_size_for(limits),
                          .on_step = identity_.client->options().on_step};
  // Positions that follow a commit at once often have to be retried: see
  // TransactionalProducer::send_positions(). Longer cycles retry more slowly, so that records which a broker
  // rejects for a while are not sent a thousand times a second.
  if (identity_.has_short_cycles()) options.linger = {}, options.retry = std::chrono::milliseconds(1);
  auto producer = TransactionalProducer::open(*identity_.client, identity_.transactional_id(), options);
  if (!producer) return producer.error();
  producer_ = *std::move(producer);
  producer_->will_write_to(identity_.topics_in_kafka());
  return {};
}

Result<void> Committer::renew() {
  producer_.reset();
  broken_.reset();
  return open_producer();
}

void Committer::add(EarlyPart part) {
  ++waiting_;
  worker_->enqueue([this, part = std::make_shared<const EarlyPart>(std::move(part))] {
    --waiting_;
    if (broken_) return;
    if (auto added = add_early_part(*part); !added) broken_ = added.ended();
  });
}

void Committer::commit(PendingCommit& pending) {
  ++waiting_;
  worker_->enqueue([this, &pending] {
    --waiting_;
    pending.finish(commit_now(pending));
    wake_();
  });
}

void Committer::abort() {
  worker_->enqueue([this] { abort_now(); });
}

void Committer::wait() { worker_->wait(); }

void Committer::close() {
  worker_.reset();  // ends after its current jobs
  if (producer_ && producer_->begun() && !broken_) producer_->try_abort();
  producer_.reset();
}

std::optional<Error> Committer::failure() {
  std::lock_guard lock(failure_mutex_);
  return failure_;
}

// --- on the committing thread ---

// A transaction begins with what `send` sends: positions.
template <class Send>
StepResult Committer::begin_if_needed(const Send& send) {
  if (producer_->begun()) return {};
  sent_.clear();
  for (auto& [p, reached] : reached_) reached = {};
  if (auto begun = producer_->begin(); !begun) return CommitOutcome::failed(begun.error());
  return send();
}

StepResult Committer::add_early_part(const EarlyPart& part) {
  const auto send = [&] {
    return send_positions(part.positions, part.cycle, {{part.partition, part.log}}, part.group.get());
  };
  if (auto begun = begin_if_needed(send); !begun) return begun;
  Result<void> added;
  if (part.outputs) added = add_outputs(part.outputs);
  if (added) added = add_states(part.partition, part.states);
  if (!added) return producer_->abort(added.error());
  if (waiting_ > 0) return {};  // the commit sends its positions
  return send();
}

Result<void> Committer::add_outputs(const std::shared_ptr<const OutputBuffer>& outputs) {
  return can_stay_in_place(*outputs) ? add_in_place(outputs) : add_copies(*outputs);
}

Result<void> Committer::add_in_place(const std::shared_ptr<const OutputBuffer>& outputs) {
  for (auto& [place, messages] : messages_) messages.clear();
  const OutputBuffer::Entry* last = nullptr;
  TransactionalProducer::Messages* messages = nullptr;
  for (const auto& e : outputs->entries) {
    if (!last || last->topic != e.topic || last->partition != e.partition)
      messages = &messages_[{e.partition, e.topic}];
    last = &e;
    messages->push_back(message_of(outputs->key_or_null(e), outputs->value_or_null(e)));
  }
  producer_->keep(outputs);
  for (auto& [place, records] : messages_) {
    if (records.empty()) continue;
    auto added = producer_->add(identity_.in_kafka(place), records, TransactionalProducer::Values::kept);
    if (!added) return added;
  }
  return {};
}

Result<void> Committer::add_copies(const OutputBuffer& outputs) {
  for (const auto& record : records_of(identity_, outputs))
    if (auto added = producer_->add(record); !added) return added;
  return {};
}

Result<void> Committer::add_states(PartitionId partition, const States& states) {
  if (states.empty()) return {};
  TransactionalProducer::Messages messages;
  for (const auto& [key, value] : states)
    messages.emplace_back(message_of(key, value))._private = &reached_[partition];
  return producer_->add({identity_.changelog(), static_cast<std::int32_t>(partition.value)}, messages,
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

// Leaves out positions that are in the transaction already.
StepResult Committer::send_positions(const std::map<InputPartition, Position>& positions,
                                     const std::string& cycle, const Logs& logs,
                                     const rd_kafka_consumer_group_metadata_t* group) {
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
  if (list->cnt == 0) return {};
  return producer_->send_positions(*list, group);
}

CommitOutcome Committer::commit_now(PendingCommit& pending) {
  if (broken_) {
    CommitOutcome outcome = *broken_;
    if (outcome.is_aborted()) broken_.reset();
    return outcome;
  }
  if (pending.contents.empty()) return CommitOutcome::committed();
  CommitOutcome outcome = write_and_commit(pending);
  if (outcome.is_committed()) {
    identity_.client->reached(Step::commit_acknowledged);
    auto applied = apply_states(pending);
    identity_.client->reached(Step::local_store_written);
    if (!applied) return CommitOutcome::failed(applied.error());
  } else if (!outcome.is_aborted()) {
    broken_ = outcome;
  }
  return outcome;
}

CommitOutcome Committer::write_and_commit(const PendingCommit& pending) {
  // The notes name the end of the changelog before this cycle.
  const auto send = [&] {
    return send_positions(pending.contents.positions, pending.contents.name, pending.logs,
                          pending.group.get());
  };
  if (auto begun = begin_if_needed(send); !begun) return begun.ended();
  if (auto added = add_rest(pending.contents); !added) return producer_->abort(added.error());
  producer_->reached(Step::after_produce);
  producer_->reached(Step::before_send_offsets);
  if (auto sent = send(); !sent) return sent.ended();
  producer_->reached(Step::after_send_offsets);
  return producer_->commit();
}

// After the commit, so that a copy is never ahead of its log. The changes of a partition and its place in the
// log are written together.
Result<void> Committer::apply_states(PendingCommit& pending) const {
  std::vector<LocalState::Change> changes;
  for (const auto& [p, states] : pending.contents.states) {
    changes.assign(states.begin(), states.end());
    LogPosition& log = pending.logs[p];
    if (const auto reached = reached_.find(p); reached != reached_.end())
      log.next = std::max(log.next, reached->second);
    log.synced = SystemClock{}.date();
    if (auto applied = pending.copies.at(p)->apply(changes, log); !applied) return applied;
  }
  return {};
}

void Committer::abort_now() {
  if (broken_ && broken_->is_aborted()) broken_.reset();
  if (broken_ || !producer_ || !producer_->begun()) return;
  producer_->flush();
  CommitOutcome outcome = producer_->abort({ErrorCode::aborted, "the session aborts its open cycle"});
  if (!outcome.is_failed()) return;
  {
    std::lock_guard lock(failure_mutex_);
    failure_ = outcome.error();
  }
  broken_ = std::move(outcome);
  wake_();
}

}  // namespace eventy::kafka::detail
