// The store's TopicReader: one consumer of whole topics, outside any group. Belongs to one thread at a time.
#pragma once

#include <map>

#include "client.hpp"
#include "eventy/store/topic_reader.hpp"

namespace eventy::kafka::detail {

class KafkaTopicReader final : public TopicReader {
 public:
  explicit KafkaTopicReader(std::shared_ptr<Client> client) : client_(std::move(client)) {}

  Result<TopicIndex> add(const std::string& topic) override;
  Result<std::vector<std::shared_ptr<const Batch>>> poll(const PollLimits& limits, Duration wait) override;

 private:
  using Place = std::pair<std::uint32_t, std::int32_t>;  // TopicIndex, partition
  Result<void> open();
  Result<void> assign();
  Result<void> check(const rd_kafka_message_t& message) const;

  std::shared_ptr<Client> client_;
  Handle handle_ = {};
  std::vector<std::string> topics_ = {};     // in Kafka, by TopicIndex
  std::map<Place, std::int64_t> next_ = {};  // offsets to read next
};

}  // namespace eventy::kafka::detail
