// Keeps a consumer fetching. Once its queue was full, librdkafka 2.0.2 fetches nothing for up to a second,
// however soon there is room again: its thread sleeps until a request wakes it. So, when there is room, this
// sends a request to the leaders of the partitions that are read. Owned by the reader; belongs to its thread.
// The requests run on a thread of their own.
#pragma once

#include <atomic>
#include <functional>

#include "eventy/store/job_thread.hpp"
#include "handles.hpp"

namespace eventy::kafka::detail {

class FetchWaker {
 public:
  // A consumer, and the queue that all of its partitions share; both outlive this object.
  FetchWaker(rd_kafka_t& consumer, rd_kafka_queue_t& queue);

  // After so much was taken out of the queue. `fetched` returns the partitions that are read.
  void took(std::size_t messages, std::size_t bytes, const std::function<PartitionList()>& fetched);

 private:
  void send_request(rd_kafka_topic_partition_list_t& partitions);

  rd_kafka_t& consumer_;
  rd_kafka_queue_t& queue_;
  std::size_t max_messages_, max_bytes_;  // in the queue; beyond, librdkafka does not fetch
  std::size_t messages_ = 0, bytes_ = 0;  // taken since the last request
  std::atomic<bool> requesting_ = false;
  JobThread worker_ = {};  // the last member: its jobs use the others
};

}  // namespace eventy::kafka::detail
