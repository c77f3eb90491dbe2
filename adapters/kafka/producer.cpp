#include "producer.hpp"

#include <algorithm>
#include <set>

#include "eventy/store/rules.hpp"

namespace eventy::kafka::detail {
namespace {

struct Delivery {
  Offset offset = {};
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__IN_PROGRESS;
};
void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  if (auto* delivery = static_cast<Delivery*>(message->_private)) {
    delivery->error = message->err;
    delivery->offset = Offset{message->offset};
  }
}

}  // namespace

Result<void> produce(rd_kafka_t& producer, rd_kafka_topic_t& topic, const Client::Outgoing& record,
                     void* place) {
  Owner<rd_kafka_headers_t, rd_kafka_headers_destroy> headers;
  if (!record.headers.empty()) {
    headers.reset(rd_kafka_headers_new(record.headers.size()));
    for (const auto& [name, value] : record.headers)
      (void)rd_kafka_header_add(headers.get(), name.data(), static_cast<ssize_t>(name.size()), value.data(),
                                static_cast<ssize_t>(value.size()));
  }
  static char empty[1] = {};
  const auto pointer = [](std::string_view bytes) {
    return bytes.data() ? const_cast<char*>(bytes.data()) : empty;
  };
  void* value = record.value ? pointer(*record.value) : nullptr;
  const std::size_t value_size = record.value ? record.value->size() : 0;
  void* key = record.key ? pointer(*record.key) : nullptr;
  const std::size_t key_size = record.key ? record.key->size() : 0;
  const auto queue = [&] {
    if (headers)
      return rd_kafka_producev(&producer, RD_KAFKA_V_RKT(&topic), RD_KAFKA_V_PARTITION(record.to.partition),
                               RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(value, value_size),
                               RD_KAFKA_V_KEY(key, key_size), RD_KAFKA_V_OPAQUE(place),
                               RD_KAFKA_V_HEADERS(headers.get()), RD_KAFKA_V_END);
    const int refused = rd_kafka_produce(&topic, record.to.partition, RD_KAFKA_MSG_F_COPY, value, value_size,
                                         key, key_size, place);
    return refused ? rd_kafka_last_error() : RD_KAFKA_RESP_ERR_NO_ERROR;
  };
  for (;;) {
    const auto code = queue();
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      (void)headers.release();
      return {};
    }
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
      return error_of(code, "cannot write a record of " + std::to_string(value_size) + " bytes to " +
                                printable(record.to.topic));
    rd_kafka_poll(&producer, 10);
  }
}

// Another one takes its place when a topic comes along that takes smaller batches only.
Result<std::shared_ptr<rd_kafka_t>> Producer::handle_for(const std::vector<Client::Outgoing>& records) {
  std::set<std::string> names;
  for (const auto& record : records) names.insert(record.to.topic.substr(client_->options().prefix.size()));
  auto limits = client_->limits_of(std::vector<std::string>(names.begin(), names.end()));
  if (!limits) return limits.error();
  const std::string size = Client::batch_size_for(*limits);
  const std::lock_guard lock(mutex_);
  if (handle_ && batch_size_ <= std::stoull(size)) return handle_;
  auto made = client_->conf({{"enable.idempotence", "true"},
                             {"linger.ms", "0"},
                             {"batch.size", size},
                             {"message.max.bytes", "1000000000"},
                             {"delivery.timeout.ms", std::to_string(client_->timeout_ms())}});
  if (!made) return made.error();
  rd_kafka_conf_set_dr_msg_cb(made->get(), on_delivery);
  auto handle = Client::make_handle(RD_KAFKA_PRODUCER, *std::move(made));
  if (!handle) return handle.error();
  handle_ = std::shared_ptr<rd_kafka_t>(handle->release(), destroy_handle);
  batch_size_ = std::stoull(size);
  return handle_;
}

Result<std::vector<Offset>> Producer::write(const std::vector<Client::Outgoing>& records) {
  auto handle = handle_for(records);
  if (!handle) return handle.error();
  std::vector<Delivery> deliveries(records.size());
  Result<void> queued;
  std::size_t count = 0;
  for (; count < records.size() && queued; ++count) {
    const Topic topic(rd_kafka_topic_new(handle->get(), records[count].to.topic.c_str(), nullptr));
    queued = produce(**handle, *topic, records[count], &deliveries[count]);
    if (!queued) break;
  }
  // Ends with every delivery known: delivery.timeout.ms bounds it.
  const auto waits = [&] {
    return std::any_of(deliveries.begin(), deliveries.begin() + static_cast<std::ptrdiff_t>(count),
                       [](const Delivery& d) { return d.error == RD_KAFKA_RESP_ERR__IN_PROGRESS; });
  };
  while (waits()) rd_kafka_flush(handle->get(), 100);
  if (!queued) return queued.error();
  std::vector<Offset> offsets;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (deliveries[i].error != RD_KAFKA_RESP_ERR_NO_ERROR)
      return client_->failed(deliveries[i].error, "cannot write a record of " +
                                                      std::to_string(records[i].value.value_or("").size()) +
                                                      " bytes to topic " + printable(records[i].to.topic));
    offsets.push_back(deliveries[i].offset);
  }
  return offsets;
}

}  // namespace eventy::kafka::detail
