// What everything of a store shares: its options, the making of librdkafka handles, what is known of topics,
// and the plain questions to the cluster. Any thread.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "eventy/kafka/kafka_store.hpp"
#include "handles.hpp"

namespace eventy::kafka::detail {

Error error_of(rd_kafka_resp_err_t code, const std::string& what, const std::string& text = {});
Error error_of(const rd_kafka_error_t& error, const std::string& what);

struct TopicPartition {
  std::string topic = {};
  std::int32_t partition = 0;
};

enum class Cleanup : std::uint8_t { keep, compact };
enum class Isolation : std::uint8_t { read_committed, read_uncommitted };

// As Kafka's own rule has it.
Result<void> check_name(const std::string& name);

class Client {
 public:
  static Result<std::shared_ptr<Client>> make(const Options& options);

  const Options& options() const { return options_; }
  void step(Step step) const {
    if (options_.on_step) options_.on_step(step);
  }
  int timeout_ms() const { return static_cast<int>(options_.request_timeout.count()); }
  std::string name_in_kafka(const std::string& name) const { return options_.prefix + name; }

  // For plain questions to the cluster; owned by this object.
  Result<rd_kafka_t*> admin(Isolation isolation = Isolation::read_committed);

  // What a fencing means for the session that met it: a second one within a minute is no successor that takes
  // over, but a twin, and two would fence each other for ever.
  Error fenced(const SessionOptions& session, Error error);

  // A configuration with what all handles have in common and `properties`, over which the user's go.
  Result<Conf> conf(const std::map<std::string, std::string>& properties) const;
  // The same for a consumer of records: committed ones, from places that the caller names, and told of ends.
  Result<Conf> reading_conf(std::map<std::string, std::string> properties) const;
  // Takes the configuration, also where it fails.
  static Result<Handle> make_handle(rd_kafka_type_t type, Conf conf);

  // Partition counts of all topics under the prefix, by their names here.
  Result<std::map<std::string, std::uint32_t>> topics();
  // From what was asked before, or from the cluster; nothing if there is no such topic.
  Result<std::optional<std::uint32_t>> partitions_of(const std::string& topic);
  // Creates what is absent; another partition count is an error.
  Result<void> ensure(const std::vector<TopicSpec>& topics, Cleanup cleanup);

  struct Ends {
    Offset first = {}, end = {};
  };
  // The end is behind the last record, markers of transactions included; read_committed: behind the last one
  // before the first open transaction.
  Result<Ends> ends_of(const std::string& topic, PartitionId partition,
                       Isolation isolation = Isolation::read_committed);

  // The first offset, or the end, of many places in one request; in their order.
  enum class Edge : std::uint8_t { first, end };
  Result<std::vector<Offset>> edges(const std::vector<TopicPartition>& places, Edge edge,
                                    Isolation isolation);

  struct Committed {
    std::optional<Offset> next = {};
    std::string metadata = {};
  };
  // The group's committed offsets in the order of `places`. stable: waits for transactions that are open on
  // them to end; as_is: what was committed before those.
  enum class Stability : std::uint8_t { stable, as_is };
  Result<std::vector<Committed>> committed(const std::string& group,
                                           const std::vector<TopicPartition>& places,
                                           Stability stability = Stability::stable);

  // Writes through the idempotent producer and waits for the delivery: the offsets.
  struct Outgoing {
    TopicPartition to = {};
    std::optional<std::string_view> key = {};
    std::optional<std::string_view> value = {};  // none: a tombstone
    std::vector<std::pair<std::string_view, std::string_view>> headers = {};
  };
  Result<std::vector<Offset>> write(const std::vector<Outgoing>& records);

 private:
  explicit Client(const Options& options) : options_(options) {}
  Result<std::vector<Committed>> committed_now(const std::string& group,
                                               const std::vector<TopicPartition>& places, Stability stability,
                                               bool& unstable);
  Result<rd_kafka_t*> producer();

  Options options_;
  std::mutex mutex_ = {};                  // guards what follows
  Handle admins_[2] = {}, producer_ = {};  // admins by Isolation
  std::map<std::string, std::uint32_t> known_ = {};
  std::map<std::string, std::chrono::steady_clock::time_point> fencings_ =
      {};  // the last one of each service
};

// Adds one record to a producer's queue; waits while the queue is full. `place` is given to the delivery
// callback.
Result<void> produce(rd_kafka_t& producer, const Client::Outgoing& record, void* place);

}  // namespace eventy::kafka::detail
