// What a session reads. It is a member of the consumer group, subscribed to the lead topic; the same
// partition numbers of the other inputs are assigned with it. Inputs knows which partitions are owned and how
// far each was read. Owned by the session; belongs to its thread, which serves rebalances in read().
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "batch_builder.hpp"
#include "fetch_waker.hpp"
#include "group_member.hpp"
#include "owned_partition.hpp"
#include "session_identity.hpp"

namespace eventy::kafka::detail {

enum class Removal : std::uint8_t { revoked, lost };

// A topic partition that is read, and what the cluster holds of it.
struct InputCheck {
  InputPartition place = {};
  Offset fetched = {};
  bool suspect = false;
  Client::OffsetRange offsets = {};
};

class Inputs {
 public:
  struct Events {
    std::function<void()> wake;                                      // any thread: read() has something new
    std::function<void(std::vector<PartitionId>)> assigned;          // find their positions, then take_over()
    std::function<void(std::vector<PartitionId>, Removal)> removed;  // finish with them, then release()
  };
  Inputs(const SessionIdentity& identity, Events events);
  ~Inputs() { leave(); }

  Result<void> join();
  void leave();
  // Leaves the group and joins it as a new member, so that all partitions are dealt again. Ours are revoked
  // first.
  void rejoin() { member_.unsubscribe(); }
  // From now on rebalances are answered, and not reported.
  void stop() { member_.stop(); }

  std::map<PartitionId, OwnedPartition>& owned() { return owned_; }
  OwnedPartition* find(PartitionId partition);  // null: not owned
  // Assigns partitions whose cursors are set; they are read once restored() is called.
  Result<void> take_over(const std::vector<PartitionId>& partitions);
  void restored(const std::vector<PartitionId>& partitions);
  void set_paused(PartitionId partition, bool paused);
  // Gives partitions up that were removed, once all of them are released.
  void release(const std::vector<PartitionId>& released);
  Result<void> rewind();  // to the committed positions
  // Appends one batch for each topic partition that has records.
  Result<void> read(const PollLimits& limits, std::vector<StoreEvent>& events);
  bool more() const { return more_; }  // the last read() left records behind
  // Of the generation that owns what is owned now; fenced if that is lost.
  Result<GroupMetadata> group() const { return member_.metadata(assigned_to_); }
  void keep_awake() const { member_.keep_awake(); }           // any thread, before leave()
  bool is_replaced() const { return member_.is_replaced(); }  // by another member with the same static id
  Result<bool> at_end();

  // Topic partitions to check; the caller fills in `offsets`.
  std::vector<InputCheck> to_check() const;
  bool has_suspects() const;
  // Takes the result of a check. A suspect is read on from a known record, which shows whether the topic is
  // the same.
  Result<void> take_check(const InputCheck& check);

 private:
  // Rebalances.
  void assigned(const rd_kafka_topic_partition_list_t& list);
  void lose_those_of_another_member(std::vector<PartitionId>& again);
  void removed(const rd_kafka_topic_partition_list_t& list);
  std::vector<PartitionId> numbers_of(const rd_kafka_topic_partition_list_t& list) const;
  void unassign_all();
  void resume(const std::vector<PartitionId>& partitions);
  // Their topic partitions, at what is to be fetched next.
  PartitionList list_of(const std::vector<PartitionId>& partitions) const;
  std::vector<PartitionId> fetched_partitions() const;

  // Messages.
  struct Target {  // where the messages of a topic partition go
    InputPartition place = {};
    OwnedPartition* owned = nullptr;
    InputCursor* cursor = nullptr;
    BatchBuilder* batch = nullptr;
  };
  Target target_of(const rd_kafka_message_t& message);
  const Target& cached_target_of(const rd_kafka_message_t& message);
  void take_backlog(OwnedPartition& owned, const PollLimits& limits);
  Result<void> take(Message message, const PollLimits& limits);
  Result<void> take_error(const rd_kafka_message_t& message);
  Result<void> tolerate(const rd_kafka_message_t& message, Error error);
  static bool hand_out(const Target& target, Message& message, const PollLimits& limits);
  void put_in_backlog(OwnedPartition& owned, Message message);

  // inputs_topics.cpp
  static bool may_be_another_topic(rd_kafka_resp_err_t code);
  void take_consumer_error(rd_kafka_resp_err_t code, const char* reason);
  void suspect(std::string_view topic, std::optional<PartitionId> partition);
  Result<void> verify(const Target& target, const rd_kafka_message_t& message);
  void skip_transaction_markers();

  const SessionIdentity& identity_;
  Events events_;
  GroupMember member_;
  bool more_ = false;
  bool ever_suspected_ = false;
  std::string assigned_to_ = {};  // the member id under which the owned partitions were assigned
  std::map<PartitionId, OwnedPartition> owned_ = {};
  std::map<std::string, TopicIndex, std::less<>> inputs_by_name_ = {};  // in Kafka
  std::map<InputPartition, BatchBuilder> batches_ = {};
  // Topic partitions in Kafka that have returned only errors, since when.
  std::map<std::pair<std::string, std::int32_t>, std::chrono::steady_clock::time_point> failing_ = {};
  // The source of the last message: most messages have the same.
  const void* last_topic_ = nullptr;
  std::int32_t last_partition_ = -1;
  Target last_ = {};
  std::optional<FetchWaker> fetch_waker_ = {};
};

}  // namespace eventy::kafka::detail
