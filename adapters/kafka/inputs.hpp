// What a session reads: a member of the consumer group, subscribed to the lead topic; the same partition
// numbers of the other inputs are assigned beside it. Knows which partitions are owned and how far each was
// read. Belongs to the session's thread; rebalances are served by read().
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <vector>

#include "batch_builder.hpp"
#include "fetch_waker.hpp"
#include "partition_fingerprint.hpp"
#include "session_identity.hpp"

namespace eventy::kafka::detail {

class CopyReader;

struct InputCursor {  // of one topic partition that is read
  Offset read = {};   // handed out up to here
  Offset committed = {};
  Offset fetched = read;  // taken from librdkafka up to here: what is between waits in the backlog
  Offset end = {-1};      // nothing but transaction markers is between `read` and here
  PartitionFingerprint fingerprint = {};
  // An error came as of a topic that was deleted, or of an offset that is not there: nothing is taken until
  // the topic was checked_inputs at.
  bool suspect = false;

  Position position() const { return {committed, fingerprint.before(committed)}; }
  void commit(const Position& position) { committed = position.next, fingerprint.commit(position); }
  bool is_settled() const { return !suspect && !fingerprint.verifying(); }
};

struct OwnedPartition {  // a partition from its assignment until its release
  enum class Stage : std::uint8_t {
    locating,   // the group gave it to us
    restoring,  // its positions are known
    restored    // its records are handed out
  };
  Stage stage = Stage::locating;
  std::uint64_t takeover = 0;     // which one is to prepare it
  std::stop_source restore = {};  // of its states; requested when it goes
  bool leaving = false, released = false;
  bool paused = false;   // nothing is handed out
  bool stopped = false;  // nor fetched, for the backlog is long
  bool returns = false;  // lost, and assigned again meanwhile: taken over anew once it is released
  std::deque<Message> backlog = {};
  std::size_t backlog_bytes = 0;
  std::shared_ptr<LocalState> copy = {};
  std::shared_ptr<CopyReader> state = {};
  std::map<TopicIndex, InputCursor> cursors = {};
  LogPlace log = {};  // of the changelog
};

enum class Removal : std::uint8_t { revoked, lost };

// A place that is read, and what the cluster says of it.
struct InputCheck {
  Place place = {};
  Offset fetched = {};
  bool suspect = false;
  Client::OffsetRange ends = {};
};

class Inputs {
 public:
  struct Events {
    std::function<void()> wake;                                      // any thread: read() has something new
    std::function<void(std::vector<PartitionId>)> assigned;          // find their positions, then take_over()
    std::function<void(std::vector<PartitionId>, Removal)> removed;  // finish with them, then release()
  };
  Inputs(const SessionIdentity& identity, Events events) : identity_(identity), events_(std::move(events)) {}
  ~Inputs() { leave(); }

  Result<void> join();
  void leave();
  // Leaves the group and is a new member of it: a rebalance that deals all partitions. They are revoked
  // first.
  void join_anew();
  // Rebalances are still answered, with no more said of them.
  void stop() { stopped_ = true; }

  std::map<PartitionId, OwnedPartition>& owned() { return owned_; }
  OwnedPartition* find(PartitionId partition);  // null: not owned
  // Partitions that are still here; they go on, at their cursors, when they are restored.
  Result<void> take_over(const std::vector<PartitionId>& partitions);
  void restored(const std::vector<PartitionId>& partitions);
  void set_paused(PartitionId partition, bool paused);
  // Those that were taken go once all of them are released.
  void release(const std::vector<PartitionId>& released);
  Result<void> rewind();  // to the committed positions
  // Appends one batch for each place that has records.
  Result<void> read(const PollLimits& limits, std::vector<StoreEvent>& events);
  // Of the generation that owns what is owned now; fenced if that is lost.
  Result<GroupMetadata> group() const;
  bool is_replaced() const;  // by another member of the same static id
  Result<bool> at_end();
  // What is read, to be checked_inputs at; `ends` are to be filled in.
  std::vector<InputCheck> to_check() const;
  bool has_suspects() const;
  // What a look has found: a place that may be another topic's is read on, from a record that is known.
  Result<void> checked_inputs(const InputCheck& check);
  bool more() const { return more_; }  // the last read() did not take all that was there

 private:
  Result<void> subscribe();
  bool has_left() const;
  std::string member_id() const;
  void await_first_assignment();
  static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list,
                           void* self);
  void assigned(const rd_kafka_topic_partition_list_t& list);
  void lose_those_of_another_member(std::vector<PartitionId>& again);
  void removed(const rd_kafka_topic_partition_list_t& list);
  std::vector<PartitionId> numbers_of(const rd_kafka_topic_partition_list_t& list) const;
  void answer_rebalances();
  void resume(const std::vector<PartitionId>& partitions);
  // Their places, at what is to be fetched next.
  PartitionList list_of(const std::vector<PartitionId>& partitions) const;
  std::vector<PartitionId> fetched() const;

  struct Source {  // where the messages of a place go
    Place place = {};
    OwnedPartition* owned = nullptr;
    InputCursor* cursor = nullptr;
    BatchBuilder* batch = nullptr;
  };
  Source source_of(const rd_kafka_message_t& message);
  const Source& cached_source_of(const rd_kafka_message_t& message);
  void take_backlog(OwnedPartition& owned, const PollLimits& limits);
  Result<void> take(Message message, const PollLimits& limits);
  Result<void> take_error(const rd_kafka_message_t& message);
  Result<void> tolerate(const rd_kafka_message_t& message, Error error);
  static bool may_be_another_topic(rd_kafka_resp_err_t code);
  static void on_error(rd_kafka_t* consumer, int code, const char* reason, void* self);
  void suspect(std::string_view topic, std::optional<PartitionId> partition);  // in Kafka; all of its places
  // corrupt: the topic is another one.
  Result<void> verify(const Source& source, const rd_kafka_message_t& message);
  // Into its batch; false: it is full, and the message is still there.
  static bool hand_out(const Source& source, Message& message, const PollLimits& limits);
  void keep(OwnedPartition& owned, Message message);
  void skip_transaction_markers();

  const SessionIdentity& identity_;
  Events events_;
  bool stopped_ = false, more_ = false, joining_anew_ = false, was_assigned_ = false;
  bool suspected_ = false;   // some place was, ever
  std::string member_ = {};  // under which what is owned was assigned
  std::map<PartitionId, OwnedPartition> owned_ = {};
  std::map<std::string, TopicIndex, std::less<>> inputs_by_name_ = {};
  std::map<Place, BatchBuilder> batches_ = {};
  // Places that told of errors only, since when; by their topics in Kafka.
  std::map<std::pair<std::string, std::int32_t>, std::chrono::steady_clock::time_point> failing_ = {};
  // Messages come in runs of one place: the last one is checked_inputs up once.
  const void* last_topic_ = nullptr;
  std::int32_t last_partition_ = -1;
  Source last_ = {};
  Handle consumer_ = {};
  std::vector<Topic> topics_ = {};
  Queue queue_ = {};
  std::optional<FetchWaker> fetch_waker_ = {};
};

}  // namespace eventy::kafka::detail
