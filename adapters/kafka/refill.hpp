// Keeps a consumer fetching. librdkafka 2.0.2 fetches nothing for up to a second once its queue was full,
// however soon there is room again: its thread then sleeps until a request wakes it. So, when there is room,
// the leaders of what is read are asked for something. Belongs to the thread that reads.
#pragma once

#include <atomic>
#include <functional>

#include "eventy/store/worker.hpp"
#include "handles.hpp"

namespace eventy::kafka::detail {

class Refill {
 public:
  // Of a consumer, and the queue that all of its partitions share; both outlive this object.
  Refill(rd_kafka_t& consumer, rd_kafka_queue_t& queue);

  // Before and after the queue is read. `assigned`: what is fetched.
  void look(const std::function<PartitionList()>& assigned);

 private:
  void ask(rd_kafka_topic_partition_list_t& partitions);

  rd_kafka_t& consumer_;
  rd_kafka_queue_t& queue_;
  std::size_t most_;  // messages in the queue, beyond which nothing is fetched
  bool full_ = false;
  std::atomic<bool> asking_ = false;
  Worker worker_ = {};  // the last member: its jobs use the others
};

}  // namespace eventy::kafka::detail
