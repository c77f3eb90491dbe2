#include "group_member.hpp"

#include "group.hpp"

namespace eventy::kafka::detail {
namespace {

constexpr std::chrono::seconds max_first_assignment{3};
constexpr int poll_ms = 50;

}  // namespace

Result<void> GroupMember::join(const std::vector<std::string>& inputs) {
  const auto session_ms = identity_.client->options().session_timeout.count();
  auto conf = identity_.client->reading_conf(
      {{"group.id", identity_.group()},
       {"group.instance.id", identity_.member()},
       {"session.timeout.ms", std::to_string(session_ms)},
       {"heartbeat.interval.ms", std::to_string(std::max<std::int64_t>(session_ms / 15, 100))},
       {"partition.assignment.strategy", "cooperative-sticky"},
       // So that a topic that is deleted, and created again soon after, is an error. A fetch that meets no
       // topic makes librdkafka ask for the leader, by default after 250 ms, and it reports an unknown topic
       // after 30 s. If the new topic is there by then, the next fetch meets an offset out of range, unless
       // the fetch comes too late: by default after 500 ms.
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
  topics_ = look_up(*consumer_, inputs);
  rd_kafka_poll_set_consumer(consumer_.get());
  queue_.reset(rd_kafka_queue_get_consumer(consumer_.get()));
  rd_kafka_queue_cb_event_enable(
      queue_.get(), [](rd_kafka_t*, void* self) { static_cast<GroupMember*>(self)->events_.wake(); }, this);
  return subscribe();
}

Result<void> GroupMember::subscribe() {
  const auto list = make_list(1);
  rd_kafka_topic_partition_list_add(list.get(), identity_.topic(identity_.lead()).c_str(),
                                    RD_KAFKA_PARTITION_UA);
  if (const auto code = rd_kafka_subscribe(consumer_.get(), list.get()))
    return identity_.client->failed(code, "cannot subscribe");
  return {};
}

// librdkafka 2.0.2 aborts the process, or hangs, when a consumer is closed that has joined and was assigned
// nothing yet. Whether it has joined may not be known yet.
void GroupMember::await_first_assignment() {
  const auto deadline = std::chrono::steady_clock::now() + max_first_assignment;
  while (!was_assigned_ && std::chrono::steady_clock::now() < deadline)
    const Message dropped(rd_kafka_consumer_poll(consumer_.get(), poll_ms));
}

void GroupMember::destroy() {
  rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr);
  queue_.reset();
  topics_.clear();
  // Without an orderly close: that waits for rebalances to be answered, in librdkafka 2.0.2 sometimes for
  // ever. A static member does not leave the group in either case.
  destroy_handle_with(consumer_.release(), RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE, nullptr);
}

// A member that changes its subscription stays in the group. One that drops it leaves, also a static one,
// once its partitions are released.
void GroupMember::unsubscribe() {
  rd_kafka_unsubscribe(consumer_.get());
  leaving_ = true;
}

// A subscription before the member has left would keep it in the group.
Result<void> GroupMember::subscribe_again() {
  if (!id().empty()) return {};
  leaving_ = false;
  return subscribe();
}

std::string GroupMember::id() const {
  char* id = rd_kafka_memberid(consumer_.get());
  const std::string member = id ? id : "";
  if (id) rd_kafka_mem_free(consumer_.get(), id);
  return member;
}

void GroupMember::on_rebalance(rd_kafka_t* consumer, rd_kafka_resp_err_t code,
                               rd_kafka_topic_partition_list_t* list, void* opaque) {
  auto* self = static_cast<GroupMember*>(opaque);
  const bool is_assignment = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  if (is_assignment) self->was_assigned_ = true;
  if (!self->stopped_) return is_assignment ? self->events_.assigned(*list) : self->events_.removed(*list);
  if (is_assignment) {
    const KafkaError ignored(rd_kafka_incremental_assign(consumer, list));
  } else {
    rd_kafka_assign(consumer, nullptr);
  }
}

void GroupMember::on_error(rd_kafka_t* consumer, int code, const char* reason, void* opaque) {
  Reports::on_error(consumer, code, reason, nullptr);
  static_cast<GroupMember*>(opaque)->events_.error(static_cast<rd_kafka_resp_err_t>(code), reason);
}

Result<GroupMetadata> GroupMember::metadata(const std::string& id) const {
  // In this order: if the assignment is not lost now, it was not lost when the metadata was made. Only this
  // thread serves rebalances.
  GroupMetadata group(rd_kafka_consumer_group_metadata(consumer_.get()));
  const bool lost = !group || rd_kafka_assignment_lost(consumer_.get());
  auto member = lost ? std::optional<std::string>("") : member_of(*group);
  if (!member) member = this->id();
  if (member->empty() || *member != id)
    return Error{ErrorCode::fenced, "this node is no longer the member of group " +
                                        printable(identity_.group()) +
                                        " that its partitions were assigned to: they are lost"};
  return group;
}

void GroupMember::keep_awake() const {
  const GroupMetadata ignored(rd_kafka_consumer_group_metadata(consumer_.get()));
}

bool GroupMember::is_replaced() const {
  char ignored[1];
  return consumer_ && rd_kafka_fatal_error(consumer_.get(), ignored, sizeof ignored) ==
                          RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

}  // namespace eventy::kafka::detail
