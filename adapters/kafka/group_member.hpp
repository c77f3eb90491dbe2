// A session's membership in the consumer group of its service: the consumer, its subscription to the lead
// topic, and the rebalances. Owned by Inputs; belongs to the session's thread, which serves rebalances while
// it polls the consumer.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "handles.hpp"
#include "session_identity.hpp"

namespace eventy::kafka::detail {

class GroupMember {
 public:
  struct Events {
    std::function<void()> wake;  // any thread: there is something to poll
    // Partitions of the lead topic. The receiver answers by an incremental assign or unassign.
    std::function<void(const rd_kafka_topic_partition_list_t&)> assigned, removed;
    std::function<void(rd_kafka_resp_err_t code, const char* reason)> error;  // of the consumer
  };
  GroupMember(const SessionIdentity& identity, Events events)
      : identity_(identity), events_(std::move(events)) {}

  // Makes the consumer and subscribes. `inputs`: all topics that it will read, by their names in Kafka.
  Result<void> join(const std::vector<std::string>& inputs);
  // Answers rebalances itself from now on, and reports no more of them.
  void stop() { stopped_ = true; }
  void await_first_assignment();
  // Ends the consumer. Partitions are unassigned and messages freed before.
  void destroy();
  // Leaves the group. Once the caller owns no partition any more, subscribe_again() makes this a new member,
  // and the group deals all partitions again.
  void unsubscribe();
  bool is_leaving() const { return leaving_; }
  Result<void> subscribe_again();

  rd_kafka_t* consumer() const { return consumer_.get(); }  // null: it has not joined
  rd_kafka_queue_t& queue() const { return *queue_; }
  std::string id() const;  // empty: not a member
  // The metadata for positions of a transaction. Fenced, unless the member still has this id.
  Result<GroupMetadata> metadata(const std::string& id) const;
  bool is_replaced() const;  // by another member with the same static id
  // librdkafka's thread waits until a date: one that is set back would make it sleep through its heartbeats.
  // A question wakes it. Any thread, until destroy().
  void keep_awake() const;

 private:
  Result<void> subscribe();
  static void on_rebalance(rd_kafka_t* consumer, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t* list, void* self);
  static void on_error(rd_kafka_t* consumer, int code, const char* reason, void* self);

  const SessionIdentity& identity_;
  Events events_;
  bool stopped_ = false, leaving_ = false, was_assigned_ = false;
  Handle consumer_ = {};
  std::vector<Topic> topics_ = {};
  Queue queue_ = {};
};

}  // namespace eventy::kafka::detail
