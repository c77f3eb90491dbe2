// Reads many partitions of a changelog with one consumer, without a group. Owned by a restore; belongs to its
// thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client.hpp"
#include "fetch_waker.hpp"

namespace eventy::kafka::detail {

class ChangelogReader {
 public:
  using Offsets = std::vector<std::pair<std::int32_t, Offset>>;  // by partition

  // `topic`: its name here.
  ChangelogReader(Client& client, std::string topic)
      : client_(client), topic_(std::move(topic)), topic_in_kafka_(client.name_in_kafka(topic_)) {}

  Result<void> add(const Offsets& starts);  // the first call makes the consumer
  void remove(const std::vector<std::int32_t>& partitions);
  bool is_open() const { return handle_ != nullptr; }
  Result<void> seek(std::int32_t partition, Offset to);
  // The next record, end of a partition or error; null: none came in time.
  Message poll(int timeout_ms) { return Message(rd_kafka_consumer_poll(handle_.get(), timeout_ms)); }
  // After a record of `bytes` was taken; `unread`: the partitions that are still read.
  void took(std::size_t bytes, const std::function<std::vector<std::int32_t>()>& unread);
  // How far each of them was read, transaction markers included; empty if librdkafka cannot tell.
  Offsets positions(const std::vector<std::int32_t>& partitions) const;

 private:
  Result<void> open();
  PartitionList list_of(const std::vector<std::int32_t>& partitions) const;
  PartitionList list_of(const Offsets& offsets) const;

  Client& client_;
  std::string topic_, topic_in_kafka_;
  Handle handle_ = {};
  Queue queue_ = {};
  std::optional<FetchWaker> fetch_waker_ = {};
};

}  // namespace eventy::kafka::detail
