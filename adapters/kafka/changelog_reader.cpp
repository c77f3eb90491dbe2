#include "changelog_reader.hpp"

#include "eventy/store/rules.hpp"

namespace eventy::kafka::detail {

Result<void> ChangelogReader::open() {
  auto conf = client_.reading_conf({{"group.id", client_.options().prefix + "eventy-reader"},
                                    {"fetch.wait.max.ms", "10"},
                                    {"queued.min.messages", "50000"},
                                    {"queued.max.messages.kbytes", "65536"}});
  if (!conf) return conf.error();
  auto handle = Client::make_handle(RD_KAFKA_CONSUMER, *std::move(conf));
  if (!handle) return handle.error();
  handle_ = *std::move(handle);
  rd_kafka_poll_set_consumer(handle_.get());
  queue_.reset(rd_kafka_queue_get_consumer(handle_.get()));
  fetch_waker_.emplace(*handle_, *queue_);
  return {};
}

Result<void> ChangelogReader::add(const Offsets& starts) {
  if (!handle_)
    if (auto opened = open(); !opened) return opened;
  const KafkaError error(rd_kafka_incremental_assign(handle_.get(), list_of(starts).get()));
  if (error) return client_.failed(*error, "cannot read topic " + printable(topic_));
  return {};
}

void ChangelogReader::remove(const std::vector<std::int32_t>& partitions) {
  if (partitions.empty()) return;
  const KafkaError ignored(rd_kafka_incremental_unassign(handle_.get(), list_of(partitions).get()));
}

Result<void> ChangelogReader::seek(std::int32_t partition, Offset to) {
  const auto list = list_of(Offsets{{partition, to}});
  // librdkafka 2.0.2 takes a finite timeout for a thousandth of it.
  const KafkaError error(rd_kafka_seek_partitions(handle_.get(), list.get(), -1));
  if (error)
    return client_.failed(
        *error, "cannot read topic " + printable(topic_) + " partition " + std::to_string(partition));
  return check_each(*list, "cannot read");
}

void ChangelogReader::took(std::size_t bytes, const std::function<std::vector<std::int32_t>()>& unread) {
  fetch_waker_->took(1, bytes, [&] { return list_of(unread()); });
}

ChangelogReader::Offsets ChangelogReader::positions(const std::vector<std::int32_t>& partitions) const {
  Offsets found;
  if (partitions.empty()) return found;
  const auto list = list_of(partitions);
  if (rd_kafka_position(handle_.get(), list.get())) return found;
  for (int i = 0; i < list->cnt; ++i)
    found.emplace_back(list->elems[i].partition, Offset{list->elems[i].offset});
  return found;
}

PartitionList ChangelogReader::list_of(const std::vector<std::int32_t>& partitions) const {
  auto list = make_list(static_cast<int>(partitions.size()));
  for (const auto p : partitions) rd_kafka_topic_partition_list_add(list.get(), topic_in_kafka_.c_str(), p);
  return list;
}

PartitionList ChangelogReader::list_of(const Offsets& offsets) const {
  auto list = make_list(static_cast<int>(offsets.size()));
  for (const auto& [p, offset] : offsets)
    rd_kafka_topic_partition_list_add(list.get(), topic_in_kafka_.c_str(), p)->offset = offset.value;
  return list;
}

}  // namespace eventy::kafka::detail
