// The idempotent producer of one owner: what it writes is stored when the call returns, and in the order of
// the calls. A session has one of its own, so that services of a node neither wait for each other's records
// nor share a fatal error. Any thread.
#pragma once

#include "client.hpp"

namespace eventy::kafka::detail {

class Producer {
 public:
  explicit Producer(std::shared_ptr<Client> client) : client_(std::move(client)) {}

  // Waits for the deliveries: the offsets. Errors: of the first record that was not delivered; others may be.
  Result<std::vector<Offset>> write(const std::vector<Client::Outgoing>& records);

 private:
  Result<std::shared_ptr<rd_kafka_t>> handle_for(const std::vector<Client::Outgoing>& records);

  std::shared_ptr<Client> client_;
  std::mutex mutex_ = {};                    // guards what follows
  std::shared_ptr<rd_kafka_t> handle_ = {};  // made by the first write
  std::size_t batch_size_ = 0;               // bytes, its batch.size
};

// Adds one record to a producer's queue; waits while the queue is full. `place` is given to the delivery
// callback.
Result<void> produce(rd_kafka_t& producer, rd_kafka_topic_t& topic, const Client::Outgoing& record,
                     void* place);

}  // namespace eventy::kafka::detail
