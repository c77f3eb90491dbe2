// The idempotent producer of one owner: what it writes is stored when the call returns, and in the order of
// the calls. A session has one of its own, so that services of a node neither wait for each other's records
// nor share a fatal error. Any thread, also several at a time.
#pragma once

#include <condition_variable>

#include "client.hpp"

namespace eventy::kafka::detail {

class Producer {
 public:
  explicit Producer(std::shared_ptr<Client> client) : client_(std::move(client)) {}

  // Waits for the deliveries: the offsets. Errors: of the first record that was not delivered; others may be.
  Result<std::vector<Offset>> write(const std::vector<Client::Outgoing>& records);
  // The librdkafka producer that the next write would use; null before the first one.
  std::shared_ptr<rd_kafka_t> handle() const;

 private:
  struct Call;
  struct Delivery;
  struct Line {
    std::size_t batch_size = 0;               // bytes, its batch.size
    std::mutex mutex = {};                    // guards what follows, and the calls
    std::condition_variable changed = {};     // a call is done, or nobody serves any more
    bool is_served = false;                   // by one of those who wait, for all of them
    std::shared_ptr<rd_kafka_t> handle = {};  // the last member: its callbacks use the others
  };
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* line);
  static void await(Line& line, const Call& call);
  Result<std::shared_ptr<Line>> line_for(const std::vector<Client::Outgoing>& records);
  Result<std::shared_ptr<Line>> make_line(std::size_t batch_size) const;
  Error failed(const Line& line, rd_kafka_resp_err_t code, const Client::Outgoing& record) const;

  std::shared_ptr<Client> client_;
  mutable std::mutex mutex_ = {};    // guards what follows
  std::shared_ptr<Line> line_ = {};  // made by the first write
};

// Adds one record to a producer's queue; waits while the queue is full. `place` is given to the delivery
// callback.
Result<void> produce(rd_kafka_t& producer, rd_kafka_topic_t& topic, const Client::Outgoing& record,
                     void* place);

}  // namespace eventy::kafka::detail
