// Keeps a consumer fetching. librdkafka 2.0.2 fetches nothing for up to a second once its queue was full,
// however soon there is room again: its thread then sleeps until a request wakes it. So, when there is room,
// the leaders of what is read are asked for something. Belongs to the thread that reads.
#pragma once

#include <atomic>
#include <functional>

#include "eventy/store/worker.hpp"
#include "handles.hpp"

namespace eventy::kafka::detail {

class FetchWaker {
 public:
  // Of a consumer, and the queue that all of its partitions share; both outlive this object.
  FetchWaker(rd_kafka_t& consumer, rd_kafka_queue_t& queue);

  // After so much was taken out of the queue. `fetched`: the partitions.
  void took(std::size_t messages, std::size_t bytes, const std::function<PartitionList()>& fetched);

 private:
  void ask(rd_kafka_topic_partition_list_t& partitions);

  rd_kafka_t& consumer_;
  rd_kafka_queue_t& queue_;
  std::size_t max_messages_, max_bytes_;  // in the queue; beyond, nothing is fetched
  std::size_t messages_ = 0, bytes_ = 0;  // taken since the leaders were asked
  std::atomic<bool> asking_ = false;
  Worker worker_ = {};  // the last member: its jobs use the others
};

}  // namespace eventy::kafka::detail
