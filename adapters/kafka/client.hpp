// What all parts of a store share: its options, the making of librdkafka handles, what is known of topics,
// and plain requests to the cluster. Owned by the store and its sessions together. Any thread.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "errors.hpp"
#include "eventy/kafka/kafka_store.hpp"
#include "handles.hpp"
#include "reports.hpp"

namespace eventy::kafka::detail {

struct TopicPartition {
  std::string topic = {};
  std::int32_t partition = 0;
};

enum class Cleanup : std::uint8_t { keep, compact };
enum class Isolation : std::uint8_t { read_committed, read_uncommitted };

// Kafka's rule for names of topics and groups.
Result<void> check_name(const std::string& name);

class Client {
 public:
  static Result<std::shared_ptr<Client>> make(const Options& options);

  const Options& options() const { return options_; }
  void reached(Step step) const {
    if (options_.on_step) options_.on_step(step);
  }
  int timeout_ms() const { return static_cast<int>(options_.request_timeout.count()); }
  std::string name_in_kafka(const std::string& name) const { return options_.prefix + name; }

  // For plain requests to the cluster; owned by this object.
  Result<rd_kafka_t*> admin(Isolation isolation = Isolation::read_committed);

  // A configuration: what all handles have in common, then `properties`, then the user's properties.
  Result<Conf> conf(const std::map<std::string, std::string>& properties) const;
  // The same for a consumer of records: it reads committed records, from offsets that the caller names, and
  // reports ends of partitions.
  Result<Conf> reading_conf(std::map<std::string, std::string> properties) const;
  // Takes the configuration, also if it fails.
  static Result<Handle> make_handle(rd_kafka_type_t type, Conf conf);

  // Partition counts of all topics under the prefix, by their names here.
  Result<std::map<std::string, std::uint32_t>> topics();
  // From the cache, or from the cluster; nothing if there is no such topic.
  Result<std::optional<std::uint32_t>> partitions_of(const std::string& topic);
  // Creates topics that are missing, and checks those that exist. Errors: another partition count; a
  // changelog whose cleanup.policy is not compact. A setting that may delete records before they are read is
  // a warning in the log, for it may be intended.
  Result<void> ensure(const std::vector<TopicSpec>& topics, Cleanup cleanup);

  // not_found for the first topic that is gone, invalid_argument for one with another partition count: a
  // consumer does not learn that a topic was deleted.
  Result<void> still_there(const std::vector<TopicSpec>& topics);

  // Limits of a topic; nothing where the cluster does not tell (no permission).
  struct Limits {
    std::optional<std::size_t> batch_bytes = {};    // max.message.bytes: of a batch; see batch_size()
    std::optional<Duration> delete_retention = {};  // of tombstones in a compacted topic
    // message.timestamp.after.max.ms and .before.max.ms: how far the date of a record may be ahead of the
    // broker's, or before it.
    std::optional<Duration> max_ahead = {}, max_behind = {};
    // A compacted topic takes no record without a key, and compaction removes records between others.
    std::optional<bool> is_compacted = {};
  };
  // Of many topics in one request, in their order. Limits that are known since the last topics() are cached.
  Result<std::vector<Limits>> limits_of(const std::vector<std::string>& topics);
  Result<Limits> limits_of(const std::string& topic);
  // The error where a topic takes no record with this machine's date: how far its clock is off, and the
  // setting.
  Error wrong_clock(const std::string& topic_in_kafka);

  struct OffsetRange {
    Offset first = {}, end = {};
  };
  // The end offset is after the last record or transaction marker; with read_committed, after the last one
  // before the first open transaction.
  Result<OffsetRange> offset_range(const std::string& topic, PartitionId partition,
                                   Isolation isolation = Isolation::read_committed);

  // The first offset, or the end offset, of many topic partitions in one request; in their order.
  enum class OffsetSpec : std::uint8_t { earliest, latest };
  Result<std::vector<Offset>> list_offsets(const std::vector<TopicPartition>& places, OffsetSpec edge,
                                           Isolation isolation);
  // The offset of the first record of this date or a later one, as the topic keeps dates; nullopt: there is
  // none.
  Result<std::optional<Offset>> offset_of_date(const TopicPartition& place, WallTime date);

  struct CommittedOffset {
    std::optional<Offset> next = {};
    std::string metadata = {};
  };
  // The group's committed offsets in the order of `places`. stable: waits until open transactions on them
  // have ended; as_is: what was committed before those.
  enum class Stability : std::uint8_t { stable, as_is };
  Result<std::vector<CommittedOffset>> committed(const std::string& group,
                                                 const std::vector<TopicPartition>& places,
                                                 Stability stability = Stability::stable,
                                                 const std::stop_token& stop = {});
  // The answer to a request of an admin(). Null: none came within the request timeout or `timeout`, whichever
  // is shorter, or before `stop` was requested.
  Event await_answer(const Queue& queue, const std::stop_token& stop = {},
                     Duration timeout = Duration::max()) const;

  struct Outgoing {  // a record to be written
    TopicPartition to = {};
    std::optional<std::string_view> key = {};
    std::optional<std::string_view> value = {};  // none: a tombstone
    std::vector<std::pair<std::string_view, std::string_view>> headers = {};
  };

  // Bytes of a batch that holds only this record, at most: Limits::batch_bytes counts these.
  static std::size_t batch_size(const Outgoing& record);
  // The `batch.size` of a producer for topics with these limits: librdkafka fills batches up to it, and
  // brokers refuse a batch over max.message.bytes, however small its records are.
  static std::string batch_size_for(const std::vector<Limits>& limits);

  void log_warning(const std::string& text) const;  // in the node's log
  void log_error(const std::string& text) const;
  // As error_of(), for a request to the cluster. If no answer came in time, the error says what librdkafka
  // last reported; if a broker refused this client, it is permission_denied.
  Error failed(rd_kafka_resp_err_t code, const std::string& what, const std::string& text = {}) const;
  Error failed(const rd_kafka_error_t& error, const std::string& what) const {
    return failed(rd_kafka_error_code(&error), what, rd_kafka_error_string(&error));
  }
  Error failed(const rd_kafka_message_t& message, const std::string& what) const {
    return with_reason(error_of(message, what), message.err, what);
  }

 private:
  // `timestamp` as in the protocol's ListOffsets: in ms, or what stands for the first offset or the end.
  Result<std::vector<Offset>> list_offsets_at(const std::vector<TopicPartition>& places,
                                              std::int64_t timestamp, Isolation isolation);
  using Settings = std::map<std::string, std::string>;  // a topic's configuration in Kafka

  explicit Client(const Options& options)
      : options_(options), reports_(std::make_shared<Reports>(options.log, options.properties)) {}
  Result<void> check_properties() const;
  std::optional<Reports::Trouble> trouble() const;
  Error with_reason(Error error, rd_kafka_resp_err_t code, const std::string& what) const;
  Result<std::vector<CommittedOffset>> committed_now(const std::string& group,
                                                     const std::vector<TopicPartition>& places,
                                                     Stability stability, bool& unstable,
                                                     const std::stop_token& stop);

  // topics.cpp
  using CreatedTopics = std::map<std::string, std::uint32_t>;
  Result<Metadata> metadata();  // of all topics
  void warn_of_silence(std::chrono::seconds silence, const std::optional<Reports::Trouble>& heard) const;
  Result<NewTopic> new_topic(const TopicSpec& spec, Cleanup cleanup) const;
  Result<void> create(const std::vector<NewTopic>& topics);
  Result<void> wait_for(const CreatedTopics& created);
  Result<void> check_settings(const std::vector<std::string>& topics, Cleanup cleanup);
  Result<void> check_changelog(const std::string& topic, const Settings& settings) const;
  void warn_about(const std::string& topic, const Settings& settings) const;
  // By their names here; a topic that the node may not describe is absent.
  Result<std::map<std::string, Settings>> settings_of(const std::vector<std::string>& topics);

  Options options_;
  std::shared_ptr<Reports> reports_;
  mutable std::mutex mutex_ = {};  // guards what follows
  Handle admins_[2] = {};          // by Isolation
  std::map<std::string, std::uint32_t> known_ = {};
  std::map<std::string, Limits> limits_ = {};
};

}  // namespace eventy::kafka::detail
