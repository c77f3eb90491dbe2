#include "client.hpp"

#include <algorithm>
#include <cctype>
#include <set>
#include <thread>

#include "eventy/store/rules.hpp"

namespace eventy::kafka::detail {
namespace {

constexpr std::chrono::milliseconds unstable_pause{10}, passing_pause{50};
constexpr std::int64_t latest_timestamp = -1, earliest_timestamp = -2;  // of ListOffsets

// Of the guarantees: a user's value for one of these would break them.
const std::set<std::string, std::less<>> fixed = {"enable.auto.commit",   "enable.auto.offset.store",
                                                  "isolation.level",      "enable.idempotence",
                                                  "transactional.id",     "group.id",
                                                  "group.instance.id",    "partition.assignment.strategy",
                                                  "enable.partition.eof", "auto.offset.reset",
                                                  "check.crcs",           "acks"};

ErrorCode code_of(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
      return ErrorCode::fenced;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      return ErrorCode::not_found;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return ErrorCode::permission_denied;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      return ErrorCode::too_large;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
      return ErrorCode::timed_out;
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      return ErrorCode::invalid_argument;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      return ErrorCode::corrupt;
    default:
      return ErrorCode::io;
  }
}

// Of a cluster in motion: another try, a moment later, finds the new leader.
bool is_passing(rd_kafka_resp_err_t code) {
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
// Asks until the answer is no passing error, at most for `most`.
template <class Ask>
rd_kafka_resp_err_t ask(Duration most, Ask question) {
  const auto deadline = std::chrono::steady_clock::now() + most;
  for (;;) {
    const rd_kafka_resp_err_t code = question();
    if (!is_passing(code) || std::chrono::steady_clock::now() > deadline) return code;
    std::this_thread::sleep_for(passing_pause);
  }
}

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

Result<void> check_name(const std::string& name) {
  const bool good = name.size() <= 249 && name != "." && name != ".." &&
                    std::all_of(name.begin(), name.end(), [](unsigned char c) {
                      return std::isalnum(c) || c == '.' || c == '_' || c == '-';
                    });
  if (good) return {};
  return Error{
      ErrorCode::invalid_argument,
      "Kafka: " + printable(name) + ": a name is made of at most 249 letters, digits, '.', '_' and '-'"};
}

Error error_of(rd_kafka_resp_err_t code, const std::string& what, const std::string& text) {
  return {code_of(code), "Kafka: " + what + ": " + (text.empty() ? rd_kafka_err2str(code) : text) + " (" +
                             rd_kafka_err2name(code) + ")"};
}
Error error_of(const rd_kafka_error_t& error, const std::string& what) {
  return error_of(rd_kafka_error_code(&error), what, rd_kafka_error_string(&error));
}

Result<std::shared_ptr<Client>> Client::make(const Options& options) {
  for (const auto& [name, value] : options.properties) {
    if (fixed.contains(name))
      return Error{ErrorCode::invalid_argument,
                   "the property " + name + " of librdkafka is set by the store: its guarantees rest on it"};
  }
  std::shared_ptr<Client> client(new Client(options));
  if (auto conf = client->conf({}); !conf) return conf.error();
  return client;
}

Result<Conf> Client::conf(const std::map<std::string, std::string>& properties) const {
  Conf conf(rd_kafka_conf_new());
  std::map<std::string, std::string> all = {{"bootstrap.servers", options_.bootstrap},
                                            {"client.id", "eventy"},
                                            {"topic.metadata.refresh.interval.ms", "30000"},
                                            {"log.connection.close", "false"},
                                            {"socket.nagle.disable", "true"}};
  for (const auto& [name, value] : properties) all[name] = value;
  for (const auto& [name, value] : options_.properties) all[name] = value;
  char text[512];
  for (const auto& [name, value] : all) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), text, sizeof text) != RD_KAFKA_CONF_OK)
      return Error{ErrorCode::invalid_argument, std::string("librdkafka: ") + text};
  }
  return conf;
}

Error Client::fenced(const SessionOptions& session, Error error) {
  constexpr std::chrono::minutes twins_meet_within{1};
  const auto now = std::chrono::steady_clock::now();
  std::lock_guard lock(mutex_);
  const auto [last, first] = fencings_.try_emplace(session.service, now);
  const bool again = !first && now - last->second < twins_meet_within;
  last->second = now;
  if (!again) return error;
  return {ErrorCode::configuration,
          "another process runs service " + printable(session.service) + " as node " +
              printable(session.node) +
              ", and the two fence each other: every process needs a [node] id of its own (" + error.message +
              ")"};
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
  if (!handle) return Error{ErrorCode::invalid_argument, std::string("librdkafka: ") + text};
  (void)conf.release();
  return handle;
}

// A consumer without a group's work: it can ask for offsets as well as for topics.
Result<rd_kafka_t*> Client::admin(Isolation isolation) {
  std::lock_guard lock(mutex_);
  Handle& admin = admins_[static_cast<std::size_t>(isolation)];
  if (!admin) {
    auto made = conf({{"group.id", options_.prefix + "eventy-admin"},
                      {"enable.auto.commit", "false"},
                      {"isolation.level",
                       isolation == Isolation::read_committed ? "read_committed" : "read_uncommitted"}});
    if (!made) return made.error();
    auto handle = make_handle(RD_KAFKA_CONSUMER, *std::move(made));
    if (!handle) return handle.error();
    admin = *std::move(handle);
  }
  return admin.get();
}

Result<rd_kafka_t*> Client::producer() {
  std::lock_guard lock(mutex_);
  if (!producer_) {
    auto made = conf({{"enable.idempotence", "true"},
                      {"linger.ms", "0"},
                      {"message.max.bytes", "1000000000"},
                      {"delivery.timeout.ms", std::to_string(timeout_ms())}});
    if (!made) return made.error();
    rd_kafka_conf_set_dr_msg_cb(made->get(), on_delivery);
    auto handle = make_handle(RD_KAFKA_PRODUCER, *std::move(made));
    if (!handle) return handle.error();
    producer_ = *std::move(handle);
  }
  return producer_.get();
}

Result<std::map<std::string, std::uint32_t>> Client::topics() {
  auto handle = admin();
  if (!handle) return handle.error();
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto code = rd_kafka_metadata(*handle, 1, nullptr, &metadata, timeout_ms());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return error_of(code, "cannot list topics at " + options_.bootstrap);
  const Owner<const rd_kafka_metadata_t, rd_kafka_metadata_destroy> owner(metadata);
  std::map<std::string, std::uint32_t> found;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const std::string_view name = metadata->topics[i].topic;
    if (metadata->topics[i].partition_cnt == 0 || !name.starts_with(options_.prefix) ||
        name.starts_with("__"))
      continue;
    found[std::string(name.substr(options_.prefix.size()))] =
        static_cast<std::uint32_t>(metadata->topics[i].partition_cnt);
  }
  std::lock_guard lock(mutex_);
  known_ = found;
  return found;
}

Result<std::optional<std::uint32_t>> Client::partitions_of(const std::string& topic) {
  {
    std::lock_guard lock(mutex_);
    if (const auto it = known_.find(topic); it != known_.end()) return std::optional(it->second);
  }
  auto all = topics();
  if (!all) return all.error();
  const auto it = all->find(topic);
  return it == all->end() ? std::nullopt : std::optional(it->second);
}

Result<void> Client::ensure(const std::vector<TopicSpec>& wanted, Cleanup cleanup) {
  auto there = topics();
  if (!there) return there.error();
  std::vector<NewTopic> owners;
  std::vector<rd_kafka_NewTopic_t*> absent;
  std::map<std::string, std::uint32_t> made;
  for (const auto& spec : wanted) {
    if (auto checked = check_topic(spec); !checked) return checked;
    if (auto name = check_name(name_in_kafka(spec.name)); !name) return name;
    auto known = there->find(spec.name);
    if (known == there->end() && (known = made.find(spec.name)) == made.end()) known = there->end();
    if (known != there->end()) {
      if (known->second != spec.partitions)
        return wrong_partition_count(spec.name, known->second, spec.partitions);
      continue;
    }
    made[spec.name] = spec.partitions;
    char text[512];
    NewTopic topic(rd_kafka_NewTopic_new(name_in_kafka(spec.name).c_str(), static_cast<int>(spec.partitions),
                                         options_.replication, text, sizeof text));
    if (!topic)
      return Error{ErrorCode::invalid_argument, "topic " + printable(spec.name) + ": " + std::string(text)};
    const auto set = [&](const char* name, const char* value) {
      (void)rd_kafka_NewTopic_set_config(topic.get(), name, value);
    };
    set("max.message.bytes", std::to_string(options_.max_record_size + (64u << 10)).c_str());
    if (cleanup == Cleanup::compact) {
      set("cleanup.policy", "compact");
    } else {
      set("cleanup.policy", "delete"), set("retention.ms", "-1"), set("retention.bytes", "-1");
    }
    absent.push_back(topic.get());
    owners.push_back(std::move(topic));
  }
  if (absent.empty()) return {};
  auto handle = admin();
  if (!handle) return handle.error();
  const Queue queue(rd_kafka_queue_new(*handle));
  const AdminOptions how(rd_kafka_AdminOptions_new(*handle, RD_KAFKA_ADMIN_OP_CREATETOPICS));
  char text[512];
  (void)rd_kafka_AdminOptions_set_request_timeout(how.get(), timeout_ms(), text, sizeof text);
  (void)rd_kafka_AdminOptions_set_operation_timeout(how.get(), timeout_ms(), text, sizeof text);
  rd_kafka_CreateTopics(*handle, absent.data(), absent.size(), how.get(), queue.get());
  const Event event(rd_kafka_queue_poll(queue.get(), timeout_ms() + 1000));
  if (!event) return Error{ErrorCode::timed_out, "Kafka: cannot create topics: no answer"};
  if (const auto code = rd_kafka_event_error(event.get()))
    return error_of(code, "cannot create topics", rd_kafka_event_error_string(event.get()));
  std::size_t count = 0;
  const auto* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto code = rd_kafka_topic_result_error(results[i]);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
    const char* why = rd_kafka_topic_result_error_string(results[i]);
    return error_of(code, std::string("cannot create topic ") + rd_kafka_topic_result_name(results[i]),
                    why ? why : "");
  }
  // Another node may have created some of them, otherwise; and brokers learn of them one after the other.
  const auto deadline = std::chrono::steady_clock::now() + options_.request_timeout;
  for (;;) {
    there = topics();
    if (!there) return there.error();
    bool all = true;
    for (const auto& [name, partitions] : made) {
      const auto it = there->find(name);
      all = all && it != there->end();
      if (it != there->end() && it->second != partitions)
        return wrong_partition_count(name, it->second, partitions);
    }
    if (all) return {};
    if (std::chrono::steady_clock::now() > deadline)
      return Error{ErrorCode::timed_out, "Kafka: topics were created and do not appear"};
  }
}

Result<Client::Ends> Client::ends_of(const std::string& topic, PartitionId partition, Isolation isolation) {
  auto handle = admin(isolation);
  if (!handle) return handle.error();
  Ends ends;
  const auto code = ask(options_.request_timeout, [&] {
    return rd_kafka_query_watermark_offsets(*handle, name_in_kafka(topic).c_str(),
                                            static_cast<std::int32_t>(partition.value), &ends.first.value,
                                            &ends.end.value, timeout_ms());
  });
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return ends;
  return error_of(code, "topic " + printable(topic) + " partition " + std::to_string(partition.value) +
                            ": cannot find its end");
}

Result<std::vector<Offset>> Client::edges(const std::vector<TopicPartition>& places, Edge edge,
                                          Isolation isolation) {
  if (places.empty()) return std::vector<Offset>();
  auto handle = admin(isolation);
  if (!handle) return handle.error();
  PartitionList list;
  const auto code = ask(options_.request_timeout, [&] {
    list = make_list(static_cast<int>(places.size()));
    for (const auto& place : places)
      rd_kafka_topic_partition_list_add(list.get(), place.topic.c_str(), place.partition)->offset =
          edge == Edge::end ? latest_timestamp : earliest_timestamp;
    const auto whole = rd_kafka_offsets_for_times(*handle, list.get(), timeout_ms());
    for (int i = 0; !whole && i < list->cnt; ++i)
      if (is_passing(list->elems[i].err)) return list->elems[i].err;
    return whole;
  });
  const std::string what = "cannot find the ends of topics";
  if (code) return error_of(code, what);
  std::vector<Offset> ends;
  for (int i = 0; i < list->cnt; ++i) {
    if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) return error_of(list->elems[i].err, what);
    ends.push_back(Offset{list->elems[i].offset});
  }
  return ends;
}

// While a transaction that holds some of them is being decided, there is no answer: ask again.
Result<std::vector<Client::Committed>> Client::committed(const std::string& group,
                                                         const std::vector<TopicPartition>& places,
                                                         Stability stability) {
  const auto deadline = std::chrono::steady_clock::now() + options_.request_timeout;
  for (;;) {
    bool unstable = false;
    auto found = committed_now(group, places, stability, unstable);
    if (!unstable || std::chrono::steady_clock::now() > deadline) return found;
    std::this_thread::sleep_for(unstable_pause);
  }
}

Result<std::vector<Client::Committed>> Client::committed_now(const std::string& group,
                                                             const std::vector<TopicPartition>& places,
                                                             Stability stability, bool& unstable) {
  if (places.empty()) return std::vector<Committed>();
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
  char text[512];
  (void)rd_kafka_AdminOptions_set_request_timeout(how.get(), timeout_ms(), text, sizeof text);
  const KafkaError stable(
      rd_kafka_AdminOptions_set_require_stable_offsets(how.get(), stability == Stability::stable));
  rd_kafka_ListConsumerGroupOffsets(*handle, requests, 1, how.get(), queue.get());
  const Event event(rd_kafka_queue_poll(queue.get(), timeout_ms() + 1000));
  const std::string what = "cannot read the positions of group " + printable(group);
  if (!event) return Error{ErrorCode::timed_out, "Kafka: " + what + ": no answer"};
  if (const auto code = rd_kafka_event_error(event.get()))
    return error_of(code, what, rd_kafka_event_error_string(event.get()));
  std::size_t count = 0;
  const auto* groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
      rd_kafka_event_ListConsumerGroupOffsets_result(event.get()), &count);
  if (count != 1) return Error{ErrorCode::io, "Kafka: " + what + ": an answer without the group"};
  if (const auto* error = rd_kafka_group_result_error(groups[0])) {
    unstable = rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
    return error_of(*error, what);
  }
  const auto* found = rd_kafka_group_result_partitions(groups[0]);
  std::vector<Committed> result(places.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto* at = rd_kafka_topic_partition_list_find(const_cast<rd_kafka_topic_partition_list_t*>(found),
                                                        places[i].topic.c_str(), places[i].partition);
    if (!at) continue;
    unstable = unstable || at->err == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
    if (at->err != RD_KAFKA_RESP_ERR_NO_ERROR) return error_of(at->err, what);
    if (at->offset >= 0) result[i].next = Offset{at->offset};
    if (at->metadata) result[i].metadata.assign(static_cast<const char*>(at->metadata), at->metadata_size);
  }
  return result;
}

Result<void> produce(rd_kafka_t& producer, const Client::Outgoing& record, void* place) {
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
  for (;;) {
    const auto code =
        rd_kafka_producev(&producer, RD_KAFKA_V_TOPIC(record.to.topic.c_str()),
                          RD_KAFKA_V_PARTITION(record.to.partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_VALUE(value, value_size), RD_KAFKA_V_KEY(key, key_size),
                          RD_KAFKA_V_OPAQUE(place), RD_KAFKA_V_HEADERS(headers.get()), RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      (void)headers.release();
      return {};
    }
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
      return error_of(code, "cannot write a record of " + std::to_string(record.value.value_or("").size()) +
                                " bytes to " + printable(record.to.topic));
    rd_kafka_poll(&producer, 10);
  }
}

Result<std::vector<Offset>> Client::write(const std::vector<Outgoing>& records) {
  auto handle = producer();
  if (!handle) return handle.error();
  std::vector<Delivery> deliveries(records.size());
  Result<void> queued;
  std::size_t count = 0;
  for (; count < records.size() && queued; ++count) {
    queued = produce(**handle, records[count], &deliveries[count]);
    if (!queued) break;
  }
  // Ends with every delivery known: delivery.timeout.ms bounds it.
  const auto waits = [&] {
    return std::any_of(deliveries.begin(), deliveries.begin() + static_cast<std::ptrdiff_t>(count),
                       [](const Delivery& d) { return d.error == RD_KAFKA_RESP_ERR__IN_PROGRESS; });
  };
  while (waits()) rd_kafka_flush(*handle, 100);
  if (!queued) return queued.error();
  std::vector<Offset> offsets;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (deliveries[i].error != RD_KAFKA_RESP_ERR_NO_ERROR)
      return error_of(deliveries[i].error, "cannot write to " + printable(records[i].to.topic));
    offsets.push_back(deliveries[i].offset);
  }
  return offsets;
}

}  // namespace eventy::kafka::detail
