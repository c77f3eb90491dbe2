// A transactional producer: one transaction after the other. One thread at a time.
#pragma once

#include <chrono>
#include <map>
#include <memory>

#include "client.hpp"

namespace eventy::kafka::detail {

// How a transaction ended.
struct Landing {
  enum class How : std::uint8_t {
    committed,
    aborted,  // nothing of it is visible; the producer goes on
    unknown,  // the commit was sent, its answer did not come
    failed    // the producer cannot go on, or the same would happen again
  };
  How how = How::committed;
  Error error = {};
};

struct ProducerOptions {
  std::string batch_size = {};             // as Client::batch_size_for says
  std::chrono::milliseconds linger{5};     // that a record waits for others, while nobody waits for it
  std::chrono::milliseconds retry{10};     // after which a request is sent again, records and positions alike
  std::function<void(Step)> on_step = {};  // as Options::on_step
};

class TransactionalProducer {
 public:
  // Ends what an earlier producer of this id left open, and fences it.
  static Result<std::unique_ptr<TransactionalProducer>> open(Client& client, const std::string& id,
                                                             const ProducerOptions& options = {});
  TransactionalProducer(const TransactionalProducer&) = delete;
  TransactionalProducer& operator=(const TransactionalProducer&) = delete;
  ~TransactionalProducer();

  // Looks their leaders up before the first record of a transaction needs them.
  void will_write_to(const std::vector<std::string>& topics) { topics_ = look_up(*handle_, topics); }
  const std::string& id() const { return id_; }
  bool begun() const { return begun_; }
  Result<void> begin();
  Result<void> add(const Client::Outgoing& record);
  // Records of one partition, in their order: key, payload, and as _private null or an Offset that is set to
  // the one behind the record, if that is larger, once the transaction is committed.
  using Messages = std::vector<rd_kafka_message_t>;
  enum class Values : std::uint8_t { copied, kept };  // kept: by keep(), read where they are
  Result<void> add(const TopicPartition& to, Messages& records, Values values);
  void keep(std::shared_ptr<const void> bytes) { kept_.push_back(std::move(bytes)); }  // until the end
  // Brings positions into the transaction, and waits until they are there; may be repeated, the last one of a
  // place counts. They should be the first that a transaction sends: the cluster writes the marks of the one
  // before after it has acknowledged its commit, and tells what comes meanwhile to come again. Positions do
  // so after 2 ms, records after 20. What is not committed was aborted, or the producer is of no use any
  // more.
  Landing send_positions(const rd_kafka_topic_partition_list_t& positions,
                         const rd_kafka_consumer_group_metadata_t* group);
  Landing commit();
  void step(Step step) const {
    if (on_step_) on_step_(step);
  }
  // Waits for a while until the records are where they belong. librdkafka 2.0.2 counts wrong after an abort
  // that finds records on their way for the second time, and the cluster refuses what comes next.
  void deliver();
  // Undoes the transaction that was begun, after `reason`.
  Landing abort(Error reason);
  // The same where nobody waits for it: tried once. What stays open is ended by the next producer of this id.
  void give_up();

 private:
  struct Undelivered {
    rd_kafka_resp_err_t code;
    std::string topic;
  };
  TransactionalProducer(Client& client, std::string id) : client_(client), id_(std::move(id)) {}
  static Result<std::unique_ptr<TransactionalProducer>> make(Client& client, const std::string& id,
                                                             const ProducerOptions& options);
  Error not_begun(const rd_kafka_error_t& error) const;
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self);
  // Repeats a call as long as it is worth it.
  template <class Call>
  KafkaError retry(Call call) const;
  rd_kafka_topic_t& topic_of(const std::string& name);
  Result<void> why_refused(const TopicPartition& to, Error refusal) const;
  void ended();
  KafkaError send_commit();
  Landing land(const rd_kafka_error_t& error, const char* what);
  Landing failed(Error error) const;
  Error not_delivered(const Undelivered& output) const;

  Client& client_;
  std::string id_;
  std::function<void(Step)> on_step_ = {};
  Handle handle_ = {};
  std::vector<Topic> topics_ = {};
  std::size_t last_topic_ = 0;
  bool begun_ = false;
  std::chrono::steady_clock::time_point begun_at_ = {};
  std::optional<Undelivered> undelivered_ = {};  // the first one
  std::vector<std::shared_ptr<const void>> kept_ = {};
};

}  // namespace eventy::kafka::detail
