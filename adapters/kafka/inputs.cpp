#include "inputs.hpp"

#include <algorithm>

#include "group.hpp"

namespace eventy::kafka::detail {
namespace {

constexpr std::size_t messages_per_read = 20'000;
constexpr std::chrono::seconds first_assignment_limit{3};
// librdkafka forgets what it has fetched of a partition that is paused, and fetches it again later. So a
// pause that is soon over only keeps its messages here; beyond this, shared by the partitions, they are not
// fetched.
constexpr std::size_t max_backlog_bytes = 64 << 20;

}  // namespace

// --- membership ---

Result<void> Inputs::join() {
  for (const TopicIndex input : identity_.shape.inputs) inputs_by_name_[identity_.topic(input)] = input;
  const auto session_ms = identity_.client->options().session_timeout.count();
  auto conf = identity_.client->reading_conf(
      {{"group.id", identity_.group()},
       {"group.instance.id", identity_.member()},
       {"session.timeout.ms", std::to_string(session_ms)},
       {"heartbeat.interval.ms", std::to_string(std::max<std::int64_t>(session_ms / 15, 100))},
       {"partition.assignment.strategy", "cooperative-sticky"},
       // So that a topic that is deleted, and made anew soon after, is an error: librdkafka asks for its
       // leader when it meets no topic, by default after 250 ms, and tells of an unknown one after 30 s.
       // Where the new one is there by then, its fetch meets no such offset, unless it comes too late: by
       // default after 500 ms.
       {"fetch.error.backoff.ms", "20"},
       {"topic.metadata.refresh.fast.interval.ms", "10"},
       {"topic.metadata.propagation.max.ms", "0"},
       {"queued.min.messages", "25000"},
       {"queued.max.messages.kbytes", "262144"}});
  if (!conf) return conf.error();
  rd_kafka_conf_set_opaque(conf->get(), this);
  rd_kafka_conf_set_rebalance_cb(conf->get(), on_rebalance);
  rd_kafka_conf_set_error_cb(conf->get(), on_error);
  auto consumer = Client::make_handle(RD_KAFKA_CONSUMER, *std::move(conf));
  if (!consumer) return consumer.error();
  consumer_ = *std::move(consumer);
  std::vector<std::string> inputs;
  for (const auto& [name, input] : inputs_by_name_) inputs.push_back(name);
  topics_ = look_up(*consumer_, inputs);
  rd_kafka_poll_set_consumer(consumer_.get());
  queue_.reset(rd_kafka_queue_get_consumer(consumer_.get()));
  rd_kafka_queue_cb_event_enable(
      queue_.get(), [](rd_kafka_t*, void* self) { static_cast<Inputs*>(self)->events_.wake(); }, this);
  fetch_waker_.emplace(*consumer_, *queue_);
  return subscribe();
}

Result<void> Inputs::subscribe() {
  const auto list = make_list(1);
  rd_kafka_topic_partition_list_add(list.get(), identity_.topic(identity_.lead()).c_str(),
                                    RD_KAFKA_PARTITION_UA);
  if (const auto code = rd_kafka_subscribe(consumer_.get(), list.get()))
    return identity_.client->failed(code, "cannot subscribe");
  return {};
}

void Inputs::leave() {
  stopped_ = true;
  if (!consumer_) return;
  await_first_assignment();
  answer_rebalances();
  owned_.clear(), batches_.clear();  // messages go before their consumer
  fetch_waker_.reset();
  rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr);
  queue_.reset();
  topics_.clear();
  // Closed in order it would ask for rebalances to be answered, and in librdkafka 2.0.2 may wait for ever for
  // the answer. A static member tells the group nothing of its end in either case.
  destroy_handle_with(consumer_.release(), RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE, nullptr);
}

// librdkafka keeps a member that changes its subscription in the group; one that drops it leaves, also a
// static one, once its partitions are released.
void Inputs::join_anew() {
  rd_kafka_unsubscribe(consumer_.get());
  joining_anew_ = true;
}

// A subscription that is made earlier would keep it in the group.
bool Inputs::has_left() const { return owned_.empty() && member_id().empty(); }

std::string Inputs::member_id() const {
  char* id = rd_kafka_memberid(consumer_.get());
  const std::string member = id ? id : "";
  if (id) rd_kafka_mem_free(consumer_.get(), id);
  return member;
}

// librdkafka 2.0.2 ends the process, or does not end, when a consumer is closed that has joined and was
// assigned nothing yet; that it has joined may be on its way.
void Inputs::await_first_assignment() {
  const auto deadline = std::chrono::steady_clock::now() + first_assignment_limit;
  while (!was_assigned_ && std::chrono::steady_clock::now() < deadline)
    const Message dropped(rd_kafka_consumer_poll(consumer_.get(), 50));
}

// What was taken and not answered yet would keep the consumer from closing for ever.
void Inputs::answer_rebalances() {
  std::vector<PartitionId> known;
  for (const auto& [p, owned] : owned_)
    if (owned.stage != OwnedPartition::Stage::locating) known.push_back(p);
  if (known.empty()) return;
  const KafkaError ignored(rd_kafka_incremental_unassign(consumer_.get(), list_of(known).get()));
}

void Inputs::on_rebalance(rd_kafka_t* consumer, rd_kafka_resp_err_t code,
                          rd_kafka_topic_partition_list_t* list, void* opaque) {
  auto* self = static_cast<Inputs*>(opaque);
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) self->was_assigned_ = true;
  if (self->stopped_) {
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
      const KafkaError ignored(rd_kafka_incremental_assign(consumer, list));
    } else {
      rd_kafka_assign(consumer, nullptr);
    }
  } else if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    self->assigned(*list);
  } else {
    self->removed(*list);
  }
}

void Inputs::assigned(const rd_kafka_topic_partition_list_t& list) {
  auto partitions = numbers_of(list);
  if (auto member = member_id(); member != member_) {
    lose_those_of_another_member(partitions);
    member_ = std::move(member);
  }
  for (const PartitionId p : partitions) owned_[p] = {};
  // Until this is answered librdkafka reads nothing at all, so they are assigned later, when their positions
  // are known.
  const auto none = make_list(0);
  const KafkaError ignored(rd_kafka_incremental_assign(consumer_.get(), none.get()));
  events_.assigned(std::move(partitions));
}

// The group forgot the member to which they were assigned, and may have given them to others since.
// librdkafka (2.0.2 and later) does not tell: where it hears so while a rebalance is under way, it joins as a
// new member that keeps what the old one had. What is still here at an assignment belongs to the new one, and
// is taken over anew.
void Inputs::lose_those_of_another_member(std::vector<PartitionId>& again) {
  std::vector<PartitionId> known;
  for (auto& [p, owned] : owned_) {
    if (owned.stage == OwnedPartition::Stage::locating) {
      again.push_back(p);
    } else if (!owned.leaving) {
      owned.leaving = owned.returns = true;
      known.push_back(p);
    }
  }
  last_topic_ = nullptr;
  if (!known.empty()) events_.removed(std::move(known), Removal::lost);
}

// The service's partitions behind partitions of the lead topic: where another input has more of them, its
// further ones go with their number modulo the lead's count.
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
  const bool lost = rd_kafka_assignment_lost(consumer_.get()) || member_id() != member_;
  std::vector<PartitionId> known;
  bool is_awaited = false;
  for (const PartitionId p : numbers_of(list)) {
    const auto it = owned_.find(p);
    if (it == owned_.end()) continue;
    it->second.leaving = true;
    if (it->second.stage == OwnedPartition::Stage::locating) {
      owned_.erase(it);
    } else if (std::exchange(it->second.returns, false)) {
      is_awaited = true;
    } else {
      known.push_back(p);
    }
  }
  last_topic_ = nullptr;
  if (known.empty() && is_awaited) return;  // they are lost already: their release is the answer
  if (known.empty()) {                      // nobody was told of them
    const auto none = make_list(0);
    const KafkaError ignored(rd_kafka_incremental_unassign(consumer_.get(), none.get()));
    return;
  }
  events_.removed(std::move(known), lost ? Removal::lost : Removal::revoked);
}

Result<GroupMetadata> Inputs::group() const {
  // In this order: what is not lost now was not lost when the metadata was made. Rebalances are served by
  // this thread alone.
  GroupMetadata group(rd_kafka_consumer_group_metadata(consumer_.get()));
  const bool lost = !group || rd_kafka_assignment_lost(consumer_.get());
  auto member = lost ? std::optional<std::string>("") : member_of(*group);
  if (!member) member = member_id();
  if (member->empty() || *member != member_)
    return Error{ErrorCode::fenced, "this node is no longer the member of group " +
                                        printable(identity_.group()) +
                                        " that its partitions were assigned to: they are lost"};
  return group;
}

bool Inputs::is_replaced() const {
  char ignored[1];
  return consumer_ && rd_kafka_fatal_error(consumer_.get(), ignored, sizeof ignored) ==
                          RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
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
  const KafkaError error(rd_kafka_incremental_assign(consumer_.get(), list.get()));
  if (error) return identity_.client->failed(*error, "cannot take over partitions");
  rd_kafka_pause_partitions(consumer_.get(), list.get());  // until they are restored
  return {};
}

void Inputs::restored(const std::vector<PartitionId>& partitions) {
  for (const PartitionId p : partitions) owned_.at(p).stage = OwnedPartition::Stage::restored;
  resume(partitions);
}

// librdkafka 2.0.2 tells its thread nothing of a resumed partition, so that it may sleep on for a second: a
// seek to where reading goes on wakes it.
void Inputs::resume(const std::vector<PartitionId>& partitions) {
  const auto list = list_of(partitions);
  rd_kafka_resume_partitions(consumer_.get(), list.get());
  const KafkaError ignored(rd_kafka_seek_partitions(consumer_.get(), list.get(), 0));
}

// librdkafka takes the first answer to a revocation for the whole of it: it joins again, as the owner of all
// that is not in it, and nobody would read those that are given up later. So all of them go together.
void Inputs::release(const std::vector<PartitionId>& released) {
  for (const PartitionId p : released)
    if (OwnedPartition* owned = find(p)) owned->released = true;
  std::vector<PartitionId> partitions;
  for (const auto& [p, owned] : owned_) {
    if (owned.leaving && !owned.released) return;
    if (owned.released) partitions.push_back(p);
  }
  const KafkaError ignored(rd_kafka_incremental_unassign(consumer_.get(), list_of(partitions).get()));
  std::vector<PartitionId> again;
  for (const PartitionId p : partitions) {
    const auto it = owned_.find(p);
    if (it == owned_.end()) continue;
    if (it->second.returns) {
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
  if (!paused && std::exchange(owned->stopped, false)) resume({partition});
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
  identity_.client->step(Step::rewind);
  const auto list = list_of(ours);
  // A finite timeout would be taken for a thousandth of it (librdkafka 2.0.2).
  const KafkaError error(rd_kafka_seek_partitions(consumer_.get(), list.get(), -1));
  const std::string what = "cannot go back to the committed positions";
  if (error) return identity_.client->failed(*error, what);
  // What librdkafka has not begun to read yet will begin at its committed position.
  for (int i = 0; i < list->cnt; ++i) {
    auto& at = list->elems[i];
    const auto& owned = owned_.at(PartitionId{static_cast<std::uint32_t>(at.partition)});
    if (owned.stage == OwnedPartition::Stage::restoring && at.err == RD_KAFKA_RESP_ERR__STATE) at.err = {};
  }
  return check_each(*list, what);
}

// --- reading ---

Result<void> Inputs::read(const PollLimits& limits, std::vector<StoreEvent>& events) {
  if (joining_anew_ && has_left()) {
    joining_anew_ = false;
    if (auto subscribed = subscribe(); !subscribed) return subscribed;
  }
  more_ = false;
  last_topic_ = nullptr;
  for (auto& [p, owned] : owned_) take_backlog(owned, limits);
  std::size_t messages = 0, bytes = 0;
  while (!more_) {
    Message message(rd_kafka_consumer_poll(consumer_.get(), 0));
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
    events.push_back(Records{batch.finish()});
  }
  batches_.clear();
  last_topic_ = nullptr;
  fetch_waker_->took(messages, bytes, [this] { return list_of(fetched()); });
  return {};
}

std::vector<PartitionId> Inputs::fetched() const {
  std::vector<PartitionId> partitions;
  for (const auto& [p, owned] : owned_)
    if (owned.stage == OwnedPartition::Stage::restored && !owned.stopped) partitions.push_back(p);
  return partitions;
}

Result<void> Inputs::take_error(const rd_kafka_message_t& message) {
  const std::string service = "service " + printable(identity_.options.service);
  if (message.err == RD_KAFKA_RESP_ERR__FATAL) {
    char text[512];
    const auto code = rd_kafka_fatal_error(consumer_.get(), text, sizeof text);
    return identity_.client->failed(code, "the session of " + service + " is over", text);
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

// What librdkafka goes on trying by itself is no end, unless nothing else comes from that place.
Result<void> Inputs::tolerate(const rd_kafka_message_t& message, Error error) {
  const auto now = std::chrono::steady_clock::now();
  const auto [since, is_new] =
      failing_.try_emplace({rd_kafka_topic_name(message.rkt), message.partition}, now);
  if (is_new) identity_.client->log_warning(error.message + "; it is tried again");
  if (now - since->second < identity_.client->options().request_timeout) return {};
  return error;
}

Inputs::Source Inputs::source_of(const rd_kafka_message_t& message) {
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

const Inputs::Source& Inputs::cached_source_of(const rd_kafka_message_t& message) {
  if (message.rkt != last_topic_ || message.partition != last_partition_) {
    last_ = source_of(message);
    last_topic_ = message.rkt;
    last_partition_ = message.partition;
  }
  return last_;
}

Result<void> Inputs::take(Message message, const PollLimits& limits) {
  const bool end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && !end) return take_error(*message);
  if (!failing_.empty()) failing_.erase({rd_kafka_topic_name(message->rkt), message->partition});
  const Source& source = cached_source_of(*message);
  if (!source.cursor) return {};
  OwnedPartition& owned = *source.owned;
  InputCursor& cursor = *source.cursor;
  if (cursor.fingerprint.verifying())
    if (auto verified = verify(source, *message); !verified) return verified.error();
  if (end) {
    if (owned.backlog.empty()) cursor.end = std::max(cursor.end, Offset{message->offset});
    return {};
  }
  if (message->offset < cursor.fetched.value) return {};  // from before a seek
  cursor.fetched = Offset{message->offset + 1};
  if (owned.paused || !owned.backlog.empty() || !hand_out(source, message, limits))
    keep(owned, std::move(message));
  return {};
}

bool Inputs::hand_out(const Source& source, Message& message, const PollLimits& limits) {
  BatchBuilder& batch = *source.batch;
  if (batch.records() > 0 && (batch.records() >= limits.max_records_per_batch ||
                              batch.bytes() + message->len > limits.max_bytes_per_batch))
    return false;
  source.cursor->read = Offset{message->offset + 1};
  batch.add(std::move(message));
  source.cursor->end = Offset{-1};
  return true;
}

void Inputs::keep(OwnedPartition& owned, Message message) {
  if (!owned.paused) more_ = true;  // its batch is full
  owned.backlog_bytes += message->len + message->key_len;
  const PartitionId partition{static_cast<std::uint32_t>(message->partition)};
  owned.backlog.push_back(std::move(message));
  if (!owned.paused || owned.stopped || owned.backlog_bytes <= max_backlog_bytes / owned_.size()) return;
  owned.stopped = true;
  rd_kafka_pause_partitions(consumer_.get(), list_of({partition}).get());
}

void Inputs::take_backlog(OwnedPartition& owned, const PollLimits& limits) {
  if (owned.paused || owned.leaving) return;
  while (!owned.backlog.empty()) {
    auto& message = owned.backlog.front();
    const Source& source = cached_source_of(*message);
    if (!source.cursor) return;
    const std::size_t bytes = message->len + message->key_len;
    if (!hand_out(source, message, limits)) {
      more_ = true;
      return;
    }
    owned.backlog_bytes -= bytes;
    owned.backlog.pop_front();
  }
}

}  // namespace eventy::kafka::detail
