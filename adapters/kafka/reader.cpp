#include "reader.hpp"

#include "eventy/store/rules.hpp"

namespace eventy::kafka::detail {
namespace {
constexpr int poll_ms = 10;
constexpr std::chrono::milliseconds max_undecided{500};  // how long to wait for an open transaction
}  // namespace

Result<std::unique_ptr<PartitionReader>> PartitionReader::open(Client& client, const std::string& topic,
                                                               PartitionId partition, Offset from) {
  auto conf =
      client.reading_conf({{"group.id", client.options().prefix + "eventy-reader"},
                           // If only a transaction marker moved the end, the next, empty answer shows it.
                           {"fetch.wait.max.ms", "10"}});
  if (!conf) return conf.error();
  auto handle = Client::make_handle(RD_KAFKA_CONSUMER, *std::move(conf));
  if (!handle) return handle.error();
  rd_kafka_poll_set_consumer(handle->get());
  const auto list = make_list(1);
  rd_kafka_topic_partition_list_add(list.get(), client.name_in_kafka(topic).c_str(),
                                    static_cast<std::int32_t>(partition.value))
      ->offset = from.value;
  if (const auto code = rd_kafka_assign(handle->get(), list.get()))
    return error_of(code, "cannot read topic " + printable(topic));
  std::unique_ptr<PartitionReader> reader(new PartitionReader(client, topic, partition, from));
  reader->handle_ = *std::move(handle);
  return reader;
}

Result<void> PartitionReader::read_to(Offset end, const std::function<bool(Message)>& take) {
  auto heard = std::chrono::steady_clock::now();
  std::string last_error;  // since a record came
  while (next_ < end) {
    Message message(rd_kafka_consumer_poll(handle_.get(), poll_ms));
    const bool silent = !message;
    if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      heard = std::chrono::steady_clock::now();
      last_error.clear();
      next_ = Offset{message->offset + 1};
      if (!take(std::move(message))) return {};
    } else if (message && message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      next_ = std::max(next_, Offset{message->offset});
    } else if (message) {
      const auto error = client_.failed(*message, "cannot read from offset " + std::to_string(next_.value));
      if (error.code != ErrorCode::timed_out && error.code != ErrorCode::io) return error;
      last_error = "; last error: " + error.message;
    }
    const auto silence = std::chrono::steady_clock::now() - heard;
    if (silent && silence > max_undecided) {
      auto decided = client_.offset_range(topic_, partition_, Isolation::read_committed);
      if (!decided) return decided.error();
      if (next_ >= decided->end) return {};
    }
    if (silence > client_.options().request_timeout)
      return Error{ErrorCode::timed_out,
                   "Kafka: topic " + printable(topic_) + " partition " + std::to_string(partition_.value) +
                       ": no record arrives from offset " + std::to_string(next_.value) +
                       " on, and it ends at " + std::to_string(end.value) + last_error};
  }
  return {};
}

}  // namespace eventy::kafka::detail
