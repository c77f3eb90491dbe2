#include "fetch_waker.hpp"

namespace eventy::kafka::detail {
namespace {

constexpr int timeout_ms = 500;  // the request matters, not its answer

std::size_t number(rd_kafka_t& consumer, const char* property) {
  char text[32];
  std::size_t size = sizeof text;
  if (rd_kafka_conf_get(rd_kafka_conf(&consumer), property, text, &size) != RD_KAFKA_CONF_OK) return SIZE_MAX;
  return std::stoull(text);
}

}  // namespace

FetchWaker::FetchWaker(rd_kafka_t& consumer, rd_kafka_queue_t& queue)
    : consumer_(consumer),
      queue_(queue),
      max_messages_(number(consumer, "queued.min.messages")),
      max_bytes_(number(consumer, "queued.max.messages.kbytes") * 1024) {}

// Half a queue is taken between full and half empty, so no such moment is missed.
void FetchWaker::took(std::size_t messages, std::size_t bytes,
                      const std::function<PartitionList()>& fetched) {
  messages_ += messages, bytes_ += bytes;
  if (requesting_ || (messages_ < max_messages_ / 2 && bytes_ < max_bytes_ / 2)) return;
  if (rd_kafka_queue_length(&queue_) > max_messages_ / 2) return;
  messages_ = bytes_ = 0;
  requesting_ = true;
  const std::shared_ptr<rd_kafka_topic_partition_list_t> partitions = fetched();
  worker_.enqueue([this, partitions] { send_request(*partitions); });
}

void FetchWaker::send_request(rd_kafka_topic_partition_list_t& partitions) {
  for (int i = 0; i < partitions.cnt; ++i) partitions.elems[i].offset = RD_KAFKA_OFFSET_END;  // as a time
  (void)rd_kafka_offsets_for_times(&consumer_, &partitions, timeout_ms);
  requesting_ = false;
}

}  // namespace eventy::kafka::detail
