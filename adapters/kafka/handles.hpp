// Owners of librdkafka's objects.
#pragma once

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace eventy::kafka::detail {

template <auto Destroy>
struct Destroyer {
  template <class T>
  void operator()(T* object) const {
    Destroy(object);
  }
};
template <class T, auto Destroy>
using Owner = std::unique_ptr<T, Destroyer<Destroy>>;

class Reports;
struct ConfDestroyer {
  std::shared_ptr<Reports> reports = {};  // where the handles of this configuration report to
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
void destroy_handle(rd_kafka_t* handle);  // and its reports end

using Conf = std::unique_ptr<rd_kafka_conf_t, ConfDestroyer>;
using Handle = Owner<rd_kafka_t, destroy_handle>;
using Queue = Owner<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using Event = Owner<rd_kafka_event_t, rd_kafka_event_destroy>;
using Message = Owner<rd_kafka_message_t, rd_kafka_message_destroy>;
using KafkaError = Owner<rd_kafka_error_t, rd_kafka_error_destroy>;
using GroupMetadata = Owner<rd_kafka_consumer_group_metadata_t, rd_kafka_consumer_group_metadata_destroy>;
using NewTopic = Owner<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;
using ConfigResource = Owner<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;
using AdminOptions = Owner<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using PartitionList = Owner<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;

inline PartitionList make_list(int size = 8) {
  return PartitionList(rd_kafka_topic_partition_list_new(size));
}

}  // namespace eventy::kafka::detail
