#include "topic_reader.hpp"

#include <algorithm>

#include "batch_builder.hpp"
#include "eventy/store/rules.hpp"

namespace eventy::kafka::detail {

Result<void> KafkaTopicReader::open() {
  auto conf = client_->reading_conf({{"group.id", client_->options().prefix + "eventy-reader"}});
  if (!conf) return conf.error();
  auto handle = Client::make_handle(RD_KAFKA_CONSUMER, *std::move(conf));
  if (!handle) return handle.error();
  rd_kafka_poll_set_consumer(handle->get());
  handle_ = *std::move(handle);
  return {};
}

Result<TopicIndex> KafkaTopicReader::add(const std::string& topic) {
  const auto count = client_->partitions_of(topic);
  if (!count) return count.error();
  if (!*count) return no_topic(topic);
  std::vector<TopicPartition> places;
  for (std::uint32_t p = 0; p < **count; ++p)
    places.push_back({client_->name_in_kafka(topic), static_cast<std::int32_t>(p)});
  // Open transactions count: what is stored later than this call is after them.
  const auto ends = client_->list_offsets(places, Client::OffsetSpec::latest, Isolation::read_uncommitted);
  if (!ends) return ends.error();
  if (!handle_)
    if (auto opened = open(); !opened) return opened.error();
  const TopicIndex index{static_cast<std::uint32_t>(topics_.size())};
  topics_.push_back(client_->name_in_kafka(topic));
  for (std::uint32_t p = 0; p < **count; ++p)
    next_[{index.value, static_cast<std::int32_t>(p)}] = (*ends)[p].value;
  if (auto assigned = assign(); !assigned) return assigned.error();
  return index;
}

Result<void> KafkaTopicReader::assign() {
  const auto list = make_list(static_cast<int>(next_.size()));
  for (const auto& [place, offset] : next_)
    rd_kafka_topic_partition_list_add(list.get(), topics_[place.first].c_str(), place.second)->offset =
        offset;
  if (const auto code = rd_kafka_assign(handle_.get(), list.get()))
    return error_of(code, "cannot read topics");
  return {};
}

// Passing errors are none: librdkafka reads on once it can.
Result<void> KafkaTopicReader::check(const rd_kafka_message_t& message) const {
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) return {};
  const auto error = client_->failed(message, "cannot read");
  if (error.code == ErrorCode::timed_out || error.code == ErrorCode::io) return {};
  return error;
}

Result<std::vector<std::shared_ptr<const Batch>>> KafkaTopicReader::poll(const PollLimits& limits,
                                                                         Duration wait) {
  std::map<Place, BatchBuilder> builders;
  std::size_t records = 0, bytes = 0;
  int wait_ms = static_cast<int>(wait.count());
  while (handle_ && records < limits.max_records_per_batch && bytes < limits.max_bytes_per_batch) {
    Message message(rd_kafka_consumer_poll(handle_.get(), wait_ms));
    if (!message) break;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (auto checked = check(*message); !checked) return checked.error();
      continue;
    }
    wait_ms = 0;  // what is here is not held back for more
    const auto topic = std::find(topics_.begin(), topics_.end(), rd_kafka_topic_name(message->rkt));
    const Place place{static_cast<std::uint32_t>(topic - topics_.begin()), message->partition};
    auto& next = next_.at(place);
    if (message->offset < next) continue;  // fetched before the last assign()
    next = message->offset + 1;
    ++records, bytes += message->len + message->key_len;
    const PartitionId partition{static_cast<std::uint32_t>(place.second)};
    builders.try_emplace(place, TopicIndex{place.first}, partition).first->second.add(std::move(message));
  }
  std::vector<std::shared_ptr<const Batch>> batches;
  for (auto& [place, builder] : builders) batches.push_back(builder.finish());
  return batches;
}

}  // namespace eventy::kafka::detail
