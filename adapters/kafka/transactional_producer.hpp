// A transactional producer of librdkafka: one transaction after the other. Owned by the committer of a
// session, or by a takeover; one thread at a time. Whatever happens, a record of an aborted transaction is
// never visible to readers of committed records.
#pragma once

#include <chrono>
#include <map>
#include <memory>

#include "client.hpp"
#include "commit_outcome.hpp"

namespace eventy::kafka::detail {

struct ProducerOptions {
  std::string batch_size = {};             // as Client::batch_size_for() computes it
  std::chrono::milliseconds linger{5};     // a record waits this long for others to fill its batch
  std::chrono::milliseconds retry{10};     // between retries of a request, for records and positions alike
  std::function<void(Step)> on_step = {};  // as Options::on_step
};

class TransactionalProducer {
 public:
  // Aborts what an earlier producer of this id left open, and fences that producer.
  static Result<std::unique_ptr<TransactionalProducer>> open(Client& client, const std::string& id,
                                                             const ProducerOptions& options = {});
  TransactionalProducer(const TransactionalProducer&) = delete;
  TransactionalProducer& operator=(const TransactionalProducer&) = delete;
  ~TransactionalProducer();

  // Looks up the leaders of these topics before the first record needs them.
  void will_write_to(const std::vector<std::string>& topics) { topics_ = look_up(*handle_, topics); }
  const std::string& id() const { return id_; }
  bool begun() const { return begun_; }  // a transaction is open

  Result<void> begin();
  Result<void> add(const Client::Outgoing& record);
  // Records of one partition, in their order: key, payload, and as _private null or an Offset. After the
  // commit that Offset is at least the one after the record.
  using Messages = std::vector<rd_kafka_message_t>;
  enum class Values : std::uint8_t { copied, kept };  // kept: read in place; see keep()
  Result<void> add(const TopicPartition& to, Messages& records, Values values);
  // Keeps these bytes until the transaction ends.
  void keep(std::shared_ptr<const void> bytes) { kept_.push_back(std::move(bytes)); }
  // Adds positions to the transaction, and returns when the cluster has them. May be repeated: the last
  // position of a topic partition counts. A transaction should begin with positions: the cluster acknowledges
  // a commit before it has written its transaction markers, and rejects what follows as retriable until then.
  // Positions are retried after 2 ms, records after 20 ms.
  StepResult send_positions(const rd_kafka_topic_partition_list_t& positions,
                            const rd_kafka_consumer_group_metadata_t* group);
  CommitOutcome commit();
  void reached(Step step) const {
    if (on_step_) on_step_(step);
  }
  // Waits up to a second until the brokers have the records. librdkafka 2.0.2 counts sequence numbers wrong
  // after a second abort with records in flight, and the brokers then refuse the next records.
  void flush();
  // Aborts the open transaction because of `reason`: aborted, or failed where a retry would fail again.
  CommitOutcome abort(Error reason);
  // Tries once to abort the open transaction; errors are ignored. If it stays open, the next producer of this
  // id aborts it.
  void try_abort();

 private:
  struct Undelivered {
    rd_kafka_resp_err_t code;
    std::string topic;
  };
  TransactionalProducer(Client& client, std::string id) : client_(client), id_(std::move(id)) {}
  static Result<std::unique_ptr<TransactionalProducer>> make(Client& client, const std::string& id,
                                                             const ProducerOptions& options);
  Error cannot_open(const rd_kafka_error_t& error) const;
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self);
  template <class Call>
  KafkaError retry(Call call) const;
  rd_kafka_topic_t& topic_of(const std::string& name);
  Result<void> reason_of(const TopicPartition& to, Error refusal) const;
  void end_transaction();
  KafkaError send_commit();
  CommitOutcome end_with(const rd_kafka_error_t& error, const char* what);
  CommitOutcome failed(Error error) const;
  Error not_delivered(const Undelivered& record) const;

  Client& client_;
  std::string id_;
  std::function<void(Step)> on_step_ = {};
  Handle handle_ = {};
  std::vector<Topic> topics_ = {};
  std::size_t last_topic_ = 0;
  bool begun_ = false;
  std::chrono::steady_clock::time_point begun_at_ = {};
  std::optional<Undelivered> undelivered_ = {};  // the first one of this transaction
  std::vector<std::shared_ptr<const void>> kept_ = {};
};

}  // namespace eventy::kafka::detail
