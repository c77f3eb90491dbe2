#include "producer.hpp"

#include <set>

#include "eventy/store/rules.hpp"

namespace eventy::kafka::detail {

// The deliveries of one write(); guarded by its instance's mutex once the first record is queued.
struct Producer::Delivery {
  Call* call = nullptr;
  Offset offset = {};
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
};
struct Producer::Call {
  std::size_t left = 0;  // deliveries without a report
  std::vector<Delivery> deliveries = {};
};

// On the thread that polls the handle.
void Producer::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& instance = *static_cast<Instance*>(opaque);
  auto& delivery = *static_cast<Delivery*>(message->_private);
  const std::lock_guard lock(instance.mutex);
  delivery.error = delivery_error(*message);
  delivery.offset = Offset{message->offset};
  if (--delivery.call->left == 0) instance.changed.notify_all();
}

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

// A new instance replaces one that has failed, or whose batches are too large for a topic of these records.
Result<std::shared_ptr<Producer::Instance>> Producer::instance_for(
    const std::vector<Client::Outgoing>& records) {
  std::set<std::string> names;
  for (const auto& record : records) names.insert(record.to.topic.substr(client_->options().prefix.size()));
  auto limits = client_->limits_of(std::vector<std::string>(names.begin(), names.end()));
  if (!limits) return limits.error();
  const std::size_t size = std::stoull(Client::batch_size_for(*limits));
  char ignored[1];
  const std::lock_guard lock(mutex_);
  if (instance_ && instance_->batch_size <= size &&
      !rd_kafka_fatal_error(instance_->handle.get(), ignored, sizeof ignored))
    return instance_;
  auto made = make_instance(size);
  if (made) instance_ = *made;
  return made;
}

Result<std::shared_ptr<Producer::Instance>> Producer::make_instance(std::size_t batch_size) const {
  auto conf = client_->conf({{"enable.idempotence", "true"},
                             {"linger.ms", "0"},
                             {"batch.size", std::to_string(batch_size)},
                             {"message.max.bytes", "1000000000"},
                             {"delivery.timeout.ms", std::to_string(client_->timeout_ms())}});
  if (!conf) return conf.error();
  auto instance = std::make_shared<Instance>();
  instance->batch_size = batch_size;
  rd_kafka_conf_set_opaque(conf->get(), instance.get());
  rd_kafka_conf_set_dr_msg_cb(conf->get(), on_delivery);
  auto handle = Client::make_handle(RD_KAFKA_PRODUCER, *std::move(conf));
  if (!handle) return handle.error();
  instance->handle = std::shared_ptr<rd_kafka_t>(handle->release(), destroy_handle);
  return instance;
}

std::shared_ptr<rd_kafka_t> Producer::handle() const {
  const std::lock_guard lock(mutex_);
  return instance_ ? instance_->handle : nullptr;
}

// Returns when every delivery has a report; delivery.timeout.ms bounds that. One of the waiting threads polls
// the handle for all of them; when it returns, another one does.
void Producer::await(Instance& instance, const Call& call) {
  constexpr int poll_ms = 100;
  std::unique_lock lock(instance.mutex);
  while (call.left > 0) {
    if (instance.is_polled) {
      instance.changed.wait(lock);
      continue;
    }
    instance.is_polled = true;
    lock.unlock();
    rd_kafka_poll(instance.handle.get(), poll_ms);
    lock.lock();
    instance.is_polled = false;
    instance.changed.notify_all();
  }
}

Error Producer::failed(const Instance& instance, rd_kafka_resp_err_t code,
                       const Client::Outgoing& record) const {
  const std::string what = "cannot write a record of " + std::to_string(record.value.value_or("").size()) +
                           " bytes to topic " + printable(record.to.topic);
  char text[512];
  const auto fatal = rd_kafka_fatal_error(instance.handle.get(), text, sizeof text);
  if (fatal && code == RD_KAFKA_RESP_ERR__FATAL) return client_->failed(fatal, what, text);
  if (code == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP) return client_->wrong_clock(record.to.topic);
  return client_->failed(code, what);
}

Result<std::vector<Offset>> Producer::write(const std::vector<Client::Outgoing>& records) {
  auto found = instance_for(records);
  if (!found) return found.error();
  Instance& instance = **found;
  Call call{.left = records.size()};
  call.deliveries.assign(records.size(), Delivery{.call = &call});
  Result<void> queued;
  std::size_t count = 0;
  for (; count < records.size(); ++count) {
    const Topic topic(rd_kafka_topic_new(instance.handle.get(), records[count].to.topic.c_str(), nullptr));
    queued = produce(*instance.handle, *topic, records[count], &call.deliveries[count]);
    if (!queued) break;
  }
  {
    const std::lock_guard lock(instance.mutex);
    call.left -= records.size() - count;
  }
  await(instance, call);
  std::vector<Offset> offsets;
  std::optional<std::size_t> refused;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& delivery = call.deliveries[i];
    offsets.push_back(delivery.offset);
    if (delivery.error == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    if (!refused || is_a_better_reason(delivery.error, call.deliveries[*refused].error)) refused = i;
  }
  if (refused) return failed(instance, call.deliveries[*refused].error, records[*refused]);
  if (!queued) return queued.error();
  return offsets;
}

}  // namespace eventy::kafka::detail
