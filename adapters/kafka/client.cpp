#include "client.hpp"

#include <algorithm>
#include <thread>

#include "eventy/store/rules.hpp"

namespace eventy::kafka::detail {
namespace {

constexpr std::chrono::milliseconds unstable_pause{10}, transient_pause{50};
constexpr int answer_ms = 50;                       // of waiting for an answer, between checks of `stop`
constexpr std::size_t max_batch_bytes = 1'000'000;  // librdkafka's own default
constexpr std::int64_t latest_timestamp = -1, earliest_timestamp = -2;  // of ListOffsets

constexpr int backoff_grows_since = 0x020300ff, pushes_metrics_since = 0x020500ff;  // versions of librdkafka

// Properties that a user may not set, with the reason; each under all of librdkafka's names for it.
constexpr const char* guarantee = "its guarantees depend on it";
constexpr const char* batches = "its value depends on the limits of topics and cycles";
constexpr const char* reports = "the store counts on librdkafka's callbacks";
constexpr const char* commits = "commits wait for it, and a broker in trouble gets as many requests";
const std::map<std::string, std::string, std::less<>> fixed = {
    {"enable.auto.commit", guarantee},
    {"auto.commit.enable", guarantee},
    {"enable.auto.offset.store", guarantee},
    {"isolation.level", guarantee},
    {"enable.idempotence", guarantee},
    {"transactional.id", guarantee},
    {"group.id", guarantee},
    {"group.instance.id", guarantee},
    {"partition.assignment.strategy", guarantee},
    {"enable.partition.eof", guarantee},
    {"auto.offset.reset", guarantee},
    {"check.crcs", guarantee},
    {"message.copy.max.bytes", guarantee},
    {"acks", guarantee},
    {"request.required.acks", guarantee},
    {"group.protocol", guarantee},
    {"group.remote.assignor", guarantee},
    {"offset.store.method", guarantee},
    {"queuing.strategy", guarantee},
    {"allow.auto.create.topics", "a topic that was deleted must be an error"},
    {"delivery.report.only.error", reports},
    {"enabled_events", reports},
    {"delivery.timeout.ms", "use [kafka] request_timeout_ms"},
    {"message.timeout.ms", "use [kafka] request_timeout_ms"},
    {"batch.size", batches},
    {"message.max.bytes", batches},
    {"queue.buffering.max.messages", batches},
    {"queue.buffering.max.kbytes", batches},
    {"retry.backoff.ms", commits},
    {"retry.backoff.max.ms", commits},
    {"bootstrap.servers", "use [kafka] bootstrap"},
    {"metadata.broker.list", "use [kafka] bootstrap"},
    {"session.timeout.ms", "use [kafka] session_timeout_ms"},
    {"transaction.timeout.ms", "use [kafka] transaction_timeout_ms"}};

// Transient while leadership moves: a retry finds the new leader.
bool is_transient(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
      return true;
    default:
      return false;
  }
}
// Retries until the result is no transient error, for at most `timeout`.
template <class Request>
rd_kafka_resp_err_t retry_transient(Duration timeout, Request request) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const rd_kafka_resp_err_t code = request();
    if (!is_transient(code) || std::chrono::steady_clock::now() > deadline) return code;
    std::this_thread::sleep_for(transient_pause);
  }
}

}  // namespace

Result<std::shared_ptr<Client>> Client::make(const Options& options) {
  std::shared_ptr<Client> client(new Client(options));
  if (auto good = client->check_properties(); !good) return good.error();
  return client;
}

// All checks that need no broker. librdkafka reads the files that properties name when it makes a handle.
Result<void> Client::check_properties() const {
  for (const auto& [name, value] : options_.properties) {
    if (const auto it = fixed.find(name); it != fixed.end())
      return Error{ErrorCode::configuration,
                   "the property " + name + " of librdkafka is set by the store: " + it->second};
  }
  auto made = conf({{"bootstrap.servers", ""}});
  if (!made) return made.error();
  auto handle = make_handle(RD_KAFKA_PRODUCER, *std::move(made));
  if (!handle) return Error{ErrorCode::configuration, reports_->without_secrets(handle.error().message)};
  return {};
}

Result<Conf> Client::conf(const std::map<std::string, std::string>& properties) const {
  Conf conf(rd_kafka_conf_new(), ConfDestroyer{reports_});
  std::map<std::string, std::string> all = {{"bootstrap.servers", options_.bootstrap},
                                            {"client.id", "eventy"},
                                            {"topic.metadata.refresh.interval.ms", "30000"},
                                            {"log.connection.close", "false"},
                                            {"socket.nagle.disable", "true"}};
  // With it the end of a handle waits for the broker, for up to a second.
  if (rd_kafka_version() >= pushes_metrics_since) all["enable.metrics.push"] = "false";
  for (const auto& [name, value] : properties) all[name] = value;
  for (const auto& [name, value] : options_.properties) all[name] = value;
  if (all["bootstrap.servers"].empty()) all.erase("bootstrap.servers");
  if (rd_kafka_version() >= backoff_grows_since)
    all["retry.backoff.max.ms"] = all.emplace("retry.backoff.ms", "100").first->second;
  char text[512];
  for (const auto& [name, value] : all) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), text, sizeof text) != RD_KAFKA_CONF_OK)
      return Error{ErrorCode::configuration, reports_->without_secrets(std::string("librdkafka: ") + text)};
  }
  Reports::prepare(*conf);
  return conf;
}

Result<Conf> Client::reading_conf(std::map<std::string, std::string> properties) const {
  properties.insert({{"enable.auto.commit", "false"},
                     {"enable.auto.offset.store", "false"},
                     {"auto.offset.reset", "error"},
                     {"enable.partition.eof", "true"},
                     {"check.crcs", "true"},
                     {"isolation.level", "read_committed"}});
  return conf(properties);
}

Result<Handle> Client::make_handle(rd_kafka_type_t type, Conf conf) {
  char text[512];
  Handle handle(rd_kafka_new(type, conf.get(), text, sizeof text));
  if (!handle) return Error{ErrorCode::configuration, std::string("librdkafka: ") + text};
  if (conf.get_deleter().reports) Reports::add(*handle, conf.get_deleter().reports);
  (void)conf.release();
  return handle;
}

// A consumer that joins no group: it can ask for offsets as well as for topics.
Result<rd_kafka_t*> Client::admin(Isolation isolation) {
  std::lock_guard lock(mutex_);
  Handle& admin = admins_[static_cast<std::size_t>(isolation)];
  if (!admin) {
    auto made = conf({{"group.id", options_.prefix + "eventy-admin"},
                      {"enable.auto.commit", "false"},
                      {"log.connection.close", "true"},  // else closed connections are not reported
                      {"isolation.level",
                       isolation == Isolation::read_committed ? "read_committed" : "read_uncommitted"}});
    if (!made) return made.error();
    auto handle = make_handle(RD_KAFKA_CONSUMER, *std::move(made));
    if (!handle) return handle.error();
    admin = *std::move(handle);
  }
  return admin.get();
}

// Handles report errors of their connections only when they are polled.
std::optional<Reports::Trouble> Client::trouble() const {
  const std::lock_guard lock(mutex_);
  for (const auto& admin : admins_)
    if (admin) rd_kafka_poll(admin.get(), 0);
  return reports_->trouble();
}

Error Client::failed(rd_kafka_resp_err_t code, const std::string& what, const std::string& text) const {
  return with_reason(error_of(code, what, text), code, what);
}

Error Client::with_reason(Error error, rd_kafka_resp_err_t code, const std::string& what) const {
  if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
    if (const auto told = reports_->forbidden(); !told.empty()) error.message += "; last reported: " + told;
  }
  if (error.code != ErrorCode::timed_out) return error;
  const auto heard = trouble();
  if (heard && heard->refused) return error_of(heard->code, what, heard->text);
  if (heard) error.message += "; last error: " + heard->text;
  return error;
}

Result<Client::OffsetRange> Client::offset_range(const std::string& topic, PartitionId partition,
                                                 Isolation isolation) {
  auto handle = admin(isolation);
  if (!handle) return handle.error();
  OffsetRange ends;
  const auto code = retry_transient(options_.request_timeout, [&] {
    return rd_kafka_query_watermark_offsets(*handle, name_in_kafka(topic).c_str(),
                                            static_cast<std::int32_t>(partition.value), &ends.first.value,
                                            &ends.end.value, timeout_ms());
  });
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return ends;
  return failed(code, "topic " + printable(topic) + " partition " + std::to_string(partition.value) +
                          ": cannot read its offsets");
}

Result<std::vector<Offset>> Client::list_offsets(const std::vector<TopicPartition>& places, OffsetSpec edge,
                                                 Isolation isolation) {
  return list_offsets_at(places, edge == OffsetSpec::latest ? latest_timestamp : earliest_timestamp,
                         isolation);
}

// A date before 1970 would stand for an end of the log.
Result<std::optional<Offset>> Client::offset_of_date(const TopicPartition& place, WallTime date) {
  const auto since_1970 = std::chrono::ceil<std::chrono::milliseconds>(date.time_since_epoch()).count();
  auto found = list_offsets_at({place}, std::max<std::int64_t>(since_1970, 0), Isolation::read_committed);
  if (!found) return found.error();
  return found->at(0).value < 0 ? std::nullopt : std::optional(found->at(0));
}

Result<std::vector<Offset>> Client::list_offsets_at(const std::vector<TopicPartition>& places,
                                                    std::int64_t timestamp, Isolation isolation) {
  if (places.empty()) return std::vector<Offset>();
  auto handle = admin(isolation);
  if (!handle) return handle.error();
  PartitionList list;
  const auto code = retry_transient(options_.request_timeout, [&] {
    list = make_list(static_cast<int>(places.size()));
    for (const auto& place : places)
      rd_kafka_topic_partition_list_add(list.get(), place.topic.c_str(), place.partition)->offset = timestamp;
    const auto whole = rd_kafka_offsets_for_times(*handle, list.get(), timeout_ms());
    for (int i = 0; !whole && i < list->cnt; ++i)
      if (is_transient(list->elems[i].err)) return list->elems[i].err;
    return whole;
  });
  const std::string what = "cannot read the offsets of topics";
  if (code) return failed(code, what);
  reports_->answered();
  std::vector<Offset> ends;
  for (int i = 0; i < list->cnt; ++i) {
    const auto& at = list->elems[i];
    if (at.err != RD_KAFKA_RESP_ERR_NO_ERROR)
      return failed(at.err, "cannot read the offsets of topic " + printable(at.topic) + " partition " +
                                std::to_string(at.partition));
    ends.push_back(Offset{list->elems[i].offset});
  }
  return ends;
}

Event Client::await_answer(const Queue& queue, const std::stop_token& stop, Duration timeout) const {
  const auto deadline =
      std::chrono::steady_clock::now() + std::min<Duration>(options_.request_timeout, timeout);
  for (;;) {
    Event event(rd_kafka_queue_poll(queue.get(), answer_ms));
    if (event || stop.stop_requested() || std::chrono::steady_clock::now() > deadline) return event;
  }
}

// While a transaction on some of them is open, the cluster does not answer: retry.
Result<std::vector<Client::CommittedOffset>> Client::committed(const std::string& group,
                                                               const std::vector<TopicPartition>& places,
                                                               Stability stability,
                                                               const std::stop_token& stop) {
  const auto deadline = std::chrono::steady_clock::now() + options_.request_timeout;
  for (;;) {
    bool unstable = false;
    auto found = committed_now(group, places, stability, unstable, stop);
    const bool over = std::chrono::steady_clock::now() > deadline || stop.stop_requested();
    if (!unstable || over) return found;
    std::this_thread::sleep_for(unstable_pause);
  }
}

Result<std::vector<Client::CommittedOffset>> Client::committed_now(const std::string& group,
                                                                   const std::vector<TopicPartition>& places,
                                                                   Stability stability, bool& unstable,
                                                                   const std::stop_token& stop) {
  if (places.empty()) return std::vector<CommittedOffset>();
  auto handle = admin();
  if (!handle) return handle.error();
  const auto list = make_list(static_cast<int>(places.size()));
  for (const auto& place : places)
    rd_kafka_topic_partition_list_add(list.get(), place.topic.c_str(), place.partition);
  using Request = Owner<rd_kafka_ListConsumerGroupOffsets_t, rd_kafka_ListConsumerGroupOffsets_destroy>;
  const Request request(rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), list.get()));
  rd_kafka_ListConsumerGroupOffsets_t* requests[] = {request.get()};
  const Queue queue(rd_kafka_queue_new(*handle));
  const AdminOptions how(rd_kafka_AdminOptions_new(*handle, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS));
  never_time_out(how);
  const KafkaError stable(
      rd_kafka_AdminOptions_set_require_stable_offsets(how.get(), stability == Stability::stable));
  rd_kafka_ListConsumerGroupOffsets(*handle, requests, 1, how.get(), queue.get());
  const Event event = await_answer(queue, stop);
  const std::string what = "cannot read the positions of group " + printable(group);
  if (!event) return failed(RD_KAFKA_RESP_ERR__TIMED_OUT, what);
  if (const auto code = rd_kafka_event_error(event.get()))
    return failed(code, what, rd_kafka_event_error_string(event.get()));
  std::size_t count = 0;
  const auto* groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
      rd_kafka_event_ListConsumerGroupOffsets_result(event.get()), &count);
  if (count != 1) return Error{ErrorCode::io, "Kafka: " + what + ": the answer lacks the group"};
  if (const auto* error = rd_kafka_group_result_error(groups[0])) {
    unstable = rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
    return failed(*error, what);
  }
  const auto* found = rd_kafka_group_result_partitions(groups[0]);
  reports_->answered();
  std::vector<CommittedOffset> result(places.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto* at = rd_kafka_topic_partition_list_find(const_cast<rd_kafka_topic_partition_list_t*>(found),
                                                        places[i].topic.c_str(), places[i].partition);
    if (!at) continue;
    unstable = unstable || at->err == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
    if (at->err != RD_KAFKA_RESP_ERR_NO_ERROR) return failed(at->err, what);
    if (at->offset >= 0) result[i].next = Offset{at->offset};
    if (at->metadata) result[i].metadata.assign(static_cast<const char*>(at->metadata), at->metadata_size);
  }
  return result;
}

std::size_t Client::batch_size(const Outgoing& record) {
  constexpr std::size_t batch_header = 61, record_header = 40, length = 5;  // lengths as varints
  std::size_t size =
      batch_header + record_header + record.key.value_or("").size() + record.value.value_or("").size();
  for (const auto& [name, value] : record.headers) size += 2 * length + name.size() + value.size();
  return size;
}

std::string Client::batch_size_for(const std::vector<Limits>& limits) {
  std::size_t size = max_batch_bytes;
  for (const auto& l : limits) size = std::min(size, l.batch_bytes.value_or(size));
  return std::to_string(std::max<std::size_t>(size, 1));
}

}  // namespace eventy::kafka::detail
