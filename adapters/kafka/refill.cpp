#include "refill.hpp"

namespace eventy::kafka::detail {
namespace {

constexpr int patience_ms = 500;  // the request matters, not its answer

std::size_t most_queued(rd_kafka_t& consumer) {
  char text[32];
  std::size_t size = sizeof text;
  if (rd_kafka_conf_get(rd_kafka_conf(&consumer), "queued.min.messages", text, &size) != RD_KAFKA_CONF_OK)
    return SIZE_MAX;
  return std::stoull(text);
}

}  // namespace

Refill::Refill(rd_kafka_t& consumer, rd_kafka_queue_t& queue)
    : consumer_(consumer), queue_(queue), most_(most_queued(consumer)) {}

void Refill::look(const std::function<PartitionList()>& assigned) {
  const std::size_t queued = rd_kafka_queue_length(&queue_);
  if (queued >= most_) full_ = true;
  if (!full_ || queued > most_ / 2 || asking_) return;
  full_ = false;
  asking_ = true;
  const std::shared_ptr<rd_kafka_topic_partition_list_t> partitions = assigned();
  worker_.begin([this, partitions] { ask(*partitions); });
}

void Refill::ask(rd_kafka_topic_partition_list_t& partitions) {
  for (int i = 0; i < partitions.cnt; ++i) partitions.elems[i].offset = RD_KAFKA_OFFSET_END;  // as a time
  (void)rd_kafka_offsets_for_times(&consumer_, &partitions, patience_ms);
  asking_ = false;
}

}  // namespace eventy::kafka::detail
