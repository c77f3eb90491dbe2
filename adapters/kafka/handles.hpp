// Owners of librdkafka's objects: each is destroyed with its owner. As librdkafka says, any thread may use a
// handle; other objects belong to one thread at a time.
#pragma once

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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
  std::shared_ptr<Reports> reports = {};  // of the handles of this configuration
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
void destroy_handle(rd_kafka_t* handle);  // its reports end too
// `bytes`: what librdkafka may read until the handle is destroyed, which may take longer than this call.
// `flags`: of rd_kafka_destroy_flags().
void destroy_handle_with(rd_kafka_t* handle, int flags, std::shared_ptr<const void> bytes);

using Conf = std::unique_ptr<rd_kafka_conf_t, ConfDestroyer>;
using Handle = Owner<rd_kafka_t, destroy_handle>;
using Queue = Owner<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using Event = Owner<rd_kafka_event_t, rd_kafka_event_destroy>;
using Message = Owner<rd_kafka_message_t, rd_kafka_message_destroy>;
using Topic = Owner<rd_kafka_topic_t, rd_kafka_topic_destroy>;
using KafkaError = Owner<rd_kafka_error_t, rd_kafka_error_destroy>;
using GroupMetadata = Owner<rd_kafka_consumer_group_metadata_t, rd_kafka_consumer_group_metadata_destroy>;
using Metadata = Owner<const rd_kafka_metadata_t, rd_kafka_metadata_destroy>;
using NewTopic = Owner<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;
using ConfigResource = Owner<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;
using AdminOptions = Owner<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;

// librdkafka 2.0.2 aborts the process if an admin request times out while it waits for a broker that is down,
// and that broker comes back. So requests never time out in librdkafka; callers stop waiting themselves.
inline void never_time_out(const AdminOptions& how) {
  constexpr int max_ms = 3'600'000;
  char why[512];
  (void)rd_kafka_AdminOptions_set_request_timeout(how.get(), max_ms, why, sizeof why);
}
using PartitionList = Owner<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;

inline PartitionList make_list(int size = 8) {
  return PartitionList(rd_kafka_topic_partition_list_new(size));
}

// Makes a handle look up the leaders of topics at once. Else it does so at the first record or assignment,
// which takes up to a second.
inline std::vector<Topic> look_up(rd_kafka_t& handle, const std::vector<std::string>& topics) {
  std::vector<Topic> known;
  for (const auto& topic : topics) known.emplace_back(rd_kafka_topic_new(&handle, topic.c_str(), nullptr));
  return known;
}

}  // namespace eventy::kafka::detail
