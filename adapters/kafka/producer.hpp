// An idempotent producer: records are stored when write() returns, in the order of the calls. Owned by a
// session, or by the store for RecordStore::append(), so that services of a node neither wait for each
// other's records nor share a fatal error. Any thread, also several at a time.
#pragma once

#include <condition_variable>

#include "client.hpp"

namespace eventy::kafka::detail {

class Producer {
 public:
  explicit Producer(std::shared_ptr<Client> client) : client_(std::move(client)) {}

  // Waits until the records are delivered, and returns their offsets. The error is that of the first record
  // that was not delivered; others may be delivered.
  Result<std::vector<Offset>> write(const std::vector<Client::Outgoing>& records);
  // The librdkafka producer that the next write will use; null before the first write.
  std::shared_ptr<rd_kafka_t> handle() const;

 private:
  struct Call;
  struct Delivery;
  struct Instance {                           // a librdkafka producer and its calls
    std::size_t batch_size = 0;               // bytes, its batch.size
    std::mutex mutex = {};                    // guards what follows, and the calls
    std::condition_variable changed = {};     // a call is done, or no thread polls any more
    bool is_polled = false;                   // by one of the waiting threads, for all of them
    std::shared_ptr<rd_kafka_t> handle = {};  // the last member: its callbacks use the others
  };
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* instance);
  static void await(Instance& instance, const Call& call);
  Result<std::shared_ptr<Instance>> instance_for(const std::vector<Client::Outgoing>& records);
  Result<std::shared_ptr<Instance>> make_instance(std::size_t batch_size) const;
  Error failed(const Instance& instance, rd_kafka_resp_err_t code, const Client::Outgoing& record) const;

  std::shared_ptr<Client> client_;
  mutable std::mutex mutex_ = {};            // guards what follows
  std::shared_ptr<Instance> instance_ = {};  // made by the first write
};

// Adds one record to a producer's queue; waits while the queue is full. The delivery callback gets `place`.
Result<void> produce(rd_kafka_t& producer, rd_kafka_topic_t& topic, const Client::Outgoing& record,
                     void* place);

}  // namespace eventy::kafka::detail
