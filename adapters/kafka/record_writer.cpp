#include "record_writer.hpp"

#include <atomic>

#include "eventy/core/future.hpp"
#include "eventy/store/rules.hpp"
#include "producer.hpp"

namespace eventy::kafka::detail {

namespace {

constexpr int poll_ms = 50;
// Gathers what comes at the same time; a lone record waits as long.
constexpr const char* linger_ms = "1";

}  // namespace

class KafkaRecordWriter::Instance {
 public:
  Instance(Handle handle, std::size_t batch_size)
      : batch_size_(batch_size), handle_(std::move(handle)), thread_([this] { work(); }) {}
  ~Instance() {
    is_ending_ = true;
    thread_.join();
  }
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  rd_kafka_t& handle() const { return *handle_; }
  bool is_usable_for(std::size_t batch_size) const {
    char ignored[1];
    return batch_size_ <= batch_size && !rd_kafka_fatal_error(handle_.get(), ignored, sizeof ignored);
  }
  // The topic's object; null: no record of it came yet. The writer's lock is held.
  const KnownTopic* topic(const std::string& name) const {
    const auto found = topics_.find(name);
    return found == topics_.end() ? nullptr : &found->second;
  }
  const KnownTopic* add_topic(const std::string& name, const Client& client) {
    Topic handle(rd_kafka_topic_new(handle_.get(), client.name_in_kafka(name).c_str(), nullptr));
    return &topics_.try_emplace(name, KnownTopic{name, std::move(handle), &client}).first->second;
  }
  // Waits for reports, then reports the rest as purged.
  void finish(Duration within) {
    (void)rd_kafka_flush(handle_.get(), static_cast<int>(within.count()));
    if (rd_kafka_outq_len(handle_.get()) == 0) return;
    (void)rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    (void)rd_kafka_flush(handle_.get(), poll_ms);
  }

 private:
  void work() {
    const CallbackThread marked;
    while (!is_ending_ || rd_kafka_outq_len(handle_.get()) > 0) rd_kafka_poll(handle_.get(), poll_ms);
  }

  const std::size_t batch_size_;
  Handle handle_;
  std::map<std::string, KnownTopic> topics_ = {};
  std::atomic<bool> is_ending_ = false;
  std::thread thread_;  // the last member: it uses the others
};

// --- reports ---

// A timeout never says that nothing is stored: the record may have reached the broker, and its answer not us.
Error KafkaRecordWriter::failed(const Delivery& delivery, const rd_kafka_message_t& message) {
  const std::string what = "cannot write a record of " + std::to_string(delivery.size) + " bytes to topic " +
                           printable(delivery.topic->name) + " partition " +
                           std::to_string(message.partition);
  const auto code = delivery_error(message);
  if (code == RD_KAFKA_RESP_ERR__PURGE_QUEUE)
    return {ErrorCode::closed, what + ": the client was closed before it was sent"};
  if (code == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP)
    return {ErrorCode::clock, what + ": its date is too far from the broker's; check this machine's clock"};
  Error error = delivery.topic->client->failed(code, what);
  const bool may_be_stored = code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT ||
                             code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ||
                             rd_kafka_message_status(&message) == RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED;
  if (may_be_stored) return {ErrorCode::unknown_outcome, error.message + "; it may be stored even so"};
  return error;
}

void KafkaRecordWriter::report(const rd_kafka_message_t& message) {
  const std::unique_ptr<Delivery> delivery(static_cast<Delivery*>(message._private));
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    delivery->done(Offset{message.offset});
  } else {
    delivery->done(failed(*delivery, message));
  }
}

// --- producers ---

Result<std::shared_ptr<KafkaRecordWriter::Instance>> KafkaRecordWriter::make_instance(
    std::size_t batch_size) {
  // The client's bound counts, not librdkafka's.
  auto conf = client_->conf({{"enable.idempotence", "true"},
                             {"linger.ms", linger_ms},
                             {"batch.size", std::to_string(batch_size)},
                             {"message.max.bytes", "1000000000"},
                             {"queue.buffering.max.messages", "10000000"},
                             {"queue.buffering.max.kbytes", "2147483647"},
                             {"delivery.timeout.ms", std::to_string(client_->timeout_ms())}});
  if (!conf) return conf.error();
  rd_kafka_conf_set_dr_msg_cb(
      conf->get(), [](rd_kafka_t*, const rd_kafka_message_t* message, void*) { report(*message); });
  auto handle = Client::make_handle(RD_KAFKA_PRODUCER, *std::move(conf));
  if (!handle) return handle.error();
  return std::make_shared<Instance>(*std::move(handle), batch_size);
}

// A new producer replaces one that has failed, or whose batches are too large for this topic.
Result<std::shared_ptr<KafkaRecordWriter::Instance>> KafkaRecordWriter::instance_for(
    const std::string& topic) {
  constexpr std::size_t any = SIZE_MAX;
  if (current_ && current_->topic(topic) && current_->is_usable_for(any)) return current_;
  auto limits = client_->limits_of(std::vector<std::string>{topic});
  if (!limits) return limits.error();
  const std::size_t size = std::stoull(Client::batch_size_for(*limits));
  if (current_ && current_->is_usable_for(size)) return current_;
  auto made = make_instance(size);
  if (!made) return made;
  current_ = *made;
  all_.push_back(current_);
  return current_;
}

// The lock is held. `done` is taken if there is no error.
Result<void> KafkaRecordWriter::queue(const std::string& topic, PartitionId partition,
                                      const NewRecord& record, Done& done) {
  if (is_closed_)
    return Error{ErrorCode::closed, "the writer of records is closed; the record is not stored"};
  const auto instance = instance_for(topic);
  if (!instance) return instance.error();
  const KnownTopic* known = (*instance)->topic(topic);
  if (!known) known = (*instance)->add_topic(topic, *client_);
  Client::Outgoing out{.to = {{}, static_cast<std::int32_t>(partition.value)},
                       .value = record.value_or_null()};
  if (record.key) out.key = *record.key;
  for (const auto& [header, value] : record.headers) out.headers.emplace_back(header, value);
  auto delivery = std::make_unique<Delivery>(Delivery{known, record.value.size(), std::move(done)});
  const auto queued = produce((*instance)->handle(), *known->handle, out, delivery.get());
  if (queued) {
    (void)delivery.release();  // its report takes it
    return {};
  }
  done = std::move(delivery->done);
  return Error{queued.error().code, "topic " + printable(topic) + ": " + queued.error().message};
}

void KafkaRecordWriter::write(const std::string& topic, PartitionId partition, NewRecord record, Done done) {
  Result<void> queued;
  {
    const std::lock_guard lock(mutex_);
    queued = queue(topic, partition, record, done);
  }
  if (!queued) done(queued.error());
}

void KafkaRecordWriter::close(Duration within) {
  std::list<std::shared_ptr<Instance>> all;
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    all.swap(all_);
    current_.reset();
  }
  for (const auto& instance : all) instance->finish(within);
}

}  // namespace eventy::kafka::detail
