#include "inputs.hpp"

#include <algorithm>

namespace eventy::kafka::detail {
namespace {

constexpr std::size_t messages_per_read = 20'000;
// What a message takes beside its bytes: librdkafka's structure, of 296 bytes in 2.0.2, and its allocation.
constexpr std::size_t message_overhead = 320;

std::size_t memory_of(const rd_kafka_message_t& message) {
  return message.len + message.key_len + message_overhead;
}

}  // namespace

// --- membership ---

Inputs::Inputs(const SessionIdentity& identity, Events events)
    : identity_(identity),
      events_(std::move(events)),
      member_(identity_,
              {[this] { events_.wake(); },
               [this](const rd_kafka_topic_partition_list_t& list) { assigned(list); },
               [this](const rd_kafka_topic_partition_list_t& list) { removed(list); },
               [this](rd_kafka_resp_err_t code, const char* reason) { take_consumer_error(code, reason); }}) {
}

Result<void> Inputs::join() {
  for (const TopicIndex input : identity_.shape.inputs) inputs_by_name_[identity_.topic(input)] = input;
  std::vector<std::string> inputs;
  for (const auto& [name, input] : inputs_by_name_) inputs.push_back(name);
  auto joined = member_.join(inputs);
  if (member_.consumer()) fetch_waker_.emplace(*member_.consumer(), member_.queue());
  return joined;
}

void Inputs::leave() {
  stop();
  if (!member_.consumer()) return;
  member_.await_first_assignment();
  unassign_all();
  owned_.clear(), batches_.clear();  // messages go before their consumer
  fetch_waker_.reset();
  member_.destroy();
}

// A revocation without an answer would keep the consumer from closing.
void Inputs::unassign_all() {
  std::vector<PartitionId> known;
  for (const auto& [p, owned] : owned_)
    if (owned.stage != OwnedPartition::Stage::locating) known.push_back(p);
  if (known.empty()) return;
  const KafkaError ignored(rd_kafka_incremental_unassign(member_.consumer(), list_of(known).get()));
}

void Inputs::assigned(const rd_kafka_topic_partition_list_t& list) {
  auto partitions = numbers_of(list);
  if (auto member = member_.id(); member != assigned_to_) {
    lose_those_of_another_member(partitions);
    assigned_to_ = std::move(member);
  }
  for (const PartitionId p : partitions) owned_[p] = {};
  // Until this is answered librdkafka reads nothing at all. So the answer is empty, and the partitions are
  // assigned later, when their positions are known.
  const auto none = make_list(0);
  const KafkaError ignored(rd_kafka_incremental_assign(member_.consumer(), none.get()));
  events_.assigned(std::move(partitions));
}

// The group forgot the member that they were assigned to, and may have assigned them to others since.
// librdkafka (2.0.2 and later) does not report it: if it learns so during a rebalance, it joins as a new
// member that keeps the old one's partitions. So what is still here at an assignment is lost, and those
// partitions that the new member has are taken over again.
void Inputs::lose_those_of_another_member(std::vector<PartitionId>& again) {
  std::vector<PartitionId> known;
  for (auto& [p, owned] : owned_) {
    if (owned.stage == OwnedPartition::Stage::locating) {
      again.push_back(p);
    } else if (!owned.leaving) {
      owned.leaving = owned.reassigned = true;
      known.push_back(p);
    }
  }
  last_topic_ = nullptr;
  if (!known.empty()) events_.removed(std::move(known), Removal::lost);
}

// The service's partitions for these partitions of the lead topic. Where another input has more partitions,
// a further one goes with its number modulo the lead's count.
std::vector<PartitionId> Inputs::numbers_of(const rd_kafka_topic_partition_list_t& list) const {
  std::vector<PartitionId> numbers;
  const std::uint32_t leads = identity_.shape.counts[identity_.lead().value];
  for (int i = 0; i < list.cnt; ++i) {
    for (auto p = static_cast<std::uint32_t>(list.elems[i].partition); p < identity_.shape.partitions;
         p += leads)
      numbers.push_back(PartitionId{p});
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

void Inputs::removed(const rd_kafka_topic_partition_list_t& list) {
  const bool lost = rd_kafka_assignment_lost(member_.consumer()) || member_.id() != assigned_to_;
  std::vector<PartitionId> known;
  bool is_lost_already = false;
  for (const PartitionId p : numbers_of(list)) {
    const auto it = owned_.find(p);
    if (it == owned_.end()) continue;
    it->second.leaving = true;
    if (it->second.stage == OwnedPartition::Stage::locating) {
      owned_.erase(it);
    } else if (std::exchange(it->second.reassigned, false)) {
      is_lost_already = true;
    } else {
      known.push_back(p);
    }
  }
  last_topic_ = nullptr;
  if (known.empty() && is_lost_already) return;  // their release is the answer
  if (known.empty()) {                           // none of them was reported as assigned
    const auto none = make_list(0);
    const KafkaError ignored(rd_kafka_incremental_unassign(member_.consumer(), none.get()));
    return;
  }
  events_.removed(std::move(known), lost ? Removal::lost : Removal::revoked);
}

// --- partitions ---

OwnedPartition* Inputs::find(PartitionId partition) {
  const auto it = owned_.find(partition);
  return it == owned_.end() ? nullptr : &it->second;
}

PartitionList Inputs::list_of(const std::vector<PartitionId>& partitions) const {
  auto list = make_list();
  for (const auto& place : identity_.places_of(partitions)) {
    const auto to = identity_.in_kafka(place);
    auto* added = rd_kafka_topic_partition_list_add(list.get(), to.topic.c_str(), to.partition);
    const auto owned = owned_.find(place.first);
    if (owned == owned_.end()) continue;
    if (const auto c = owned->second.cursors.find(place.second); c != owned->second.cursors.end())
      added->offset = c->second.fingerprint.start(c->second.fetched).value;
  }
  return list;
}

Result<void> Inputs::take_over(const std::vector<PartitionId>& partitions) {
  for (const PartitionId p : partitions) owned_.at(p).stage = OwnedPartition::Stage::restoring;
  const auto list = list_of(partitions);
  const KafkaError error(rd_kafka_incremental_assign(member_.consumer(), list.get()));
  if (error) return identity_.client->failed(*error, "cannot take over partitions");
  rd_kafka_pause_partitions(member_.consumer(), list.get());  // until they are restored
  return {};
}

void Inputs::restored(const std::vector<PartitionId>& partitions) {
  for (const PartitionId p : partitions) owned_.at(p).stage = OwnedPartition::Stage::restored;
  resume(partitions);
}

// librdkafka 2.0.2 does not wake its thread for a resumed partition, which may sleep for another second. A
// seek to where reading continues wakes it.
void Inputs::resume(const std::vector<PartitionId>& partitions) {
  const auto list = list_of(partitions);
  rd_kafka_resume_partitions(member_.consumer(), list.get());
  const KafkaError ignored(rd_kafka_seek_partitions(member_.consumer(), list.get(), 0));
}

// librdkafka takes the first answer to a revocation for the whole answer: it joins again as the owner of all
// other partitions, and nobody would read those that are released later. So all are released together.
void Inputs::release(const std::vector<PartitionId>& released) {
  for (const PartitionId p : released)
    if (OwnedPartition* owned = find(p)) owned->released = true;
  std::vector<PartitionId> partitions;
  for (const auto& [p, owned] : owned_) {
    if (owned.leaving && !owned.released) return;
    if (owned.released) partitions.push_back(p);
  }
  const KafkaError ignored(rd_kafka_incremental_unassign(member_.consumer(), list_of(partitions).get()));
  std::vector<PartitionId> again;
  for (const PartitionId p : partitions) {
    const auto it = owned_.find(p);
    if (it == owned_.end()) continue;
    if (it->second.reassigned) {
      it->second = {};
      again.push_back(p);
    } else {
      owned_.erase(it);
    }
  }
  last_topic_ = nullptr;
  if (!again.empty()) events_.assigned(std::move(again));
}

void Inputs::set_paused(PartitionId partition, bool paused) {
  OwnedPartition* owned = find(partition);
  if (!owned) return;
  owned->paused = paused;
  if (!paused && std::exchange(owned->fetch_paused, false)) resume({partition});
}

Result<void> Inputs::rewind() {
  batches_.clear();
  std::vector<PartitionId> ours;
  for (auto& [p, owned] : owned_) {
    if (owned.stage == OwnedPartition::Stage::locating || owned.leaving) continue;
    ours.push_back(p);
    owned.backlog.clear();
    owned.backlog_bytes = 0;
    for (auto& [input, cursor] : owned.cursors) {
      cursor.read = cursor.fetched = cursor.committed, cursor.end = Offset{-1};
      cursor.fingerprint.rewind();
    }
  }
  if (ours.empty()) return {};
  identity_.client->reached(Step::rewind);
  const auto list = list_of(ours);
  // librdkafka 2.0.2 takes a finite timeout for a thousandth of it.
  const KafkaError error(rd_kafka_seek_partitions(member_.consumer(), list.get(), -1));
  const std::string what = "cannot rewind to the committed positions";
  if (error) return identity_.client->failed(*error, what);
  // Partitions that librdkafka does not read yet will start at their committed positions.
  for (int i = 0; i < list->cnt; ++i) {
    auto& at = list->elems[i];
    const auto& owned = owned_.at(PartitionId{static_cast<std::uint32_t>(at.partition)});
    if (owned.stage == OwnedPartition::Stage::restoring && at.err == RD_KAFKA_RESP_ERR__STATE) at.err = {};
  }
  return check_each(*list, what);
}

// --- reading ---

Result<void> Inputs::read(const PollLimits& limits, std::vector<StoreEvent>& events) {
  if (member_.is_leaving() && owned_.empty())
    if (auto subscribed = member_.subscribe_again(); !subscribed) return subscribed;
  more_ = false;
  last_topic_ = nullptr;
  for (auto& [p, owned] : owned_) take_backlog(owned, limits);
  std::size_t messages = 0, bytes = 0;
  while (!more_) {
    Message message(rd_kafka_consumer_poll(member_.consumer(), 0));
    if (!message) break;
    ++messages, bytes += message->len;
    if (auto good = take(std::move(message), limits); !good) return good;
    more_ = more_ || messages == messages_per_read;
  }
  for (auto& [place, batch] : batches_) {
    if (batch.records() == 0) continue;
    OwnedPartition* owned = find(place.first);
    if (owned)
      batch.for_some([&](const auto& m) { owned->cursors[place.second].fingerprint.add(fingerprint_of(m)); });
    events.emplace_back(Records{batch.finish()});
  }
  batches_.clear();
  last_topic_ = nullptr;
  fetch_waker_->took(messages, bytes, [this] { return list_of(fetched_partitions()); });
  return {};
}

std::vector<PartitionId> Inputs::fetched_partitions() const {
  std::vector<PartitionId> partitions;
  for (const auto& [p, owned] : owned_)
    if (owned.stage == OwnedPartition::Stage::restored && !owned.fetch_paused) partitions.push_back(p);
  return partitions;
}

Result<void> Inputs::take_error(const rd_kafka_message_t& message) {
  const std::string service = "service " + printable(identity_.options.service);
  if (message.err == RD_KAFKA_RESP_ERR__FATAL) {
    char text[512];
    const auto code = rd_kafka_fatal_error(member_.consumer(), text, sizeof text);
    return identity_.client->failed(code, "the session of " + service + " has ended", text);
  }
  if (may_be_another_topic(message.err) && message.rkt) {
    suspect(rd_kafka_topic_name(message.rkt),
            message.partition < 0
                ? std::nullopt
                : std::optional(PartitionId{static_cast<std::uint32_t>(message.partition)}));
    return {};
  }
  auto error = identity_.client->failed(message, service + " cannot read");
  if (error.code != ErrorCode::timed_out && error.code != ErrorCode::io) return error;
  return message.rkt ? tolerate(message, std::move(error)) : Result<void>();
}

// librdkafka retries these errors itself. They end the session if the topic partition returns nothing else
// for the request timeout.
Result<void> Inputs::tolerate(const rd_kafka_message_t& message, Error error) {
  const auto now = std::chrono::steady_clock::now();
  const auto [since, is_new] =
      failing_.try_emplace({rd_kafka_topic_name(message.rkt), message.partition}, now);
  if (is_new) identity_.client->log_warning(error.message + "; librdkafka retries");
  if (now - since->second < identity_.client->options().request_timeout) return {};
  return error;
}

Inputs::Target Inputs::target_of(const rd_kafka_message_t& message) {
  const auto input =
      message.rkt ? inputs_by_name_.find(rd_kafka_topic_name(message.rkt)) : inputs_by_name_.end();
  if (input == inputs_by_name_.end()) return {};
  const PartitionId partition{static_cast<std::uint32_t>(message.partition)};
  OwnedPartition* owned = find(partition);
  if (!owned || owned->leaving || owned->stage != OwnedPartition::Stage::restored) return {};
  const auto at = owned->cursors.find(input->second);
  if (at == owned->cursors.end() || at->second.suspect) return {};
  auto& batch = batches_.try_emplace({partition, input->second}, input->second, partition).first->second;
  return {{partition, input->second}, owned, &at->second, &batch};
}

const Inputs::Target& Inputs::cached_target_of(const rd_kafka_message_t& message) {
  if (message.rkt != last_topic_ || message.partition != last_partition_) {
    last_ = target_of(message);
    last_topic_ = message.rkt;
    last_partition_ = message.partition;
  }
  return last_;
}

Result<void> Inputs::take(Message message, const PollLimits& limits) {
  const bool end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && !end) return take_error(*message);
  if (!failing_.empty()) failing_.erase({rd_kafka_topic_name(message->rkt), message->partition});
  const Target& target = cached_target_of(*message);
  if (!target.cursor) return {};
  OwnedPartition& owned = *target.owned;
  InputCursor& cursor = *target.cursor;
  if (cursor.fingerprint.verifying())
    if (auto verified = verify(target, *message); !verified) return verified.error();
  if (end) {
    if (owned.backlog.empty()) cursor.end = std::max(cursor.end, Offset{message->offset});
    return {};
  }
  if (message->offset < cursor.fetched.value) return {};  // fetched before a seek
  cursor.fetched = Offset{message->offset + 1};
  if (owned.paused || !owned.backlog.empty() || !hand_out(target, message, limits))
    put_in_backlog(owned, std::move(message));
  return {};
}

// Into its batch; false: the batch is full, and the message is still there.
bool Inputs::hand_out(const Target& target, Message& message, const PollLimits& limits) {
  BatchBuilder& batch = *target.batch;
  if (batch.records() > 0 && (batch.records() >= limits.max_records_per_batch ||
                              batch.bytes() + message->len > limits.max_bytes_per_batch))
    return false;
  target.cursor->read = Offset{message->offset + 1};
  batch.add(std::move(message));
  target.cursor->end = Offset{-1};
  return true;
}

// librdkafka drops what it has fetched of a paused partition, and fetches it again later. So the messages of
// a paused partition are kept here at first. Beyond its share of the backlog, it is not fetched.
void Inputs::put_in_backlog(OwnedPartition& owned, Message message) {
  if (!owned.paused) more_ = true;  // its batch is full
  owned.backlog_bytes += memory_of(*message);
  const PartitionId partition{static_cast<std::uint32_t>(message->partition)};
  owned.backlog.push_back(std::move(message));
  const std::size_t most = identity_.client->options().max_backlog_size / owned_.size();
  if (!owned.paused || owned.fetch_paused || owned.backlog_bytes <= most) return;
  owned.fetch_paused = true;
  rd_kafka_pause_partitions(member_.consumer(), list_of({partition}).get());
}

void Inputs::take_backlog(OwnedPartition& owned, const PollLimits& limits) {
  if (owned.paused || owned.leaving) return;
  while (!owned.backlog.empty()) {
    auto& message = owned.backlog.front();
    const Target& target = cached_target_of(*message);
    if (!target.cursor) return;
    const std::size_t bytes = memory_of(*message);
    if (!hand_out(target, message, limits)) {
      more_ = true;
      return;
    }
    owned.backlog_bytes -= bytes;
    owned.backlog.pop_front();
  }
}

}  // namespace eventy::kafka::detail
