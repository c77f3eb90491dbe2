// Makes batches of records from librdkafka's messages. Owned by a reader; belongs to its thread.
#pragma once

#include <string_view>
#include <vector>

#include "eventy/store/batch.hpp"
#include "handles.hpp"

namespace eventy::kafka::detail {

// Gathers messages of one topic partition, and copies them into the slab of a batch once its size is known.
// Destroyed before the consumer of the messages.
class BatchBuilder {
 public:
  BatchBuilder(TopicIndex topic, PartitionId partition) : batch_(std::make_shared<Batch>()) {
    batch_->topic = topic, batch_->partition = partition;
  }
  void add(Message message) {
    bytes_ += message->key_len + message->len;
    for_each_header(*message, [this](std::string_view name, std::string_view value) {
      bytes_ += name.size() + value.size();
      ++headers_;
    });
    batch_->next = Offset{message->offset + 1};
    messages_.push_back(std::move(message));
  }
  // Some of the messages, in their order: the first, the last, and up to 7 between them, evenly spaced.
  template <class Take>
  void for_some(const Take& take) const {
    constexpr std::size_t between = 7;
    const std::size_t step = std::max<std::size_t>(messages_.size() / (between + 1), 1);
    for (std::size_t i = 0; i + 1 < messages_.size(); i += step) take(*messages_[i]);
    if (!messages_.empty()) take(*messages_.back());
  }
  std::size_t records() const { return messages_.size(); }
  std::size_t bytes() const { return bytes_; }
  void set_next(Offset next) { batch_->next = next; }

  std::shared_ptr<const Batch> finish() {
    Batch& b = *batch_;
    b.slab.reserve(bytes_ + value_padding);  // so that views stay valid
    b.headers.reserve(headers_);
    b.records.reserve(messages_.size());
    for (const auto& message : messages_) {
      StoredRecord& r = b.records.emplace_back();
      r.offset = Offset{message->offset};
      if (message->key) r.key = put({static_cast<const char*>(message->key), message->key_len});
      r.first_header = static_cast<std::uint32_t>(b.headers.size());
      for_each_header(*message, [&](std::string_view name, std::string_view value) {
        const auto kept = put(name);
        b.headers.push_back({kept, put(value)});
      });
      r.headers = static_cast<std::uint32_t>(b.headers.size()) - r.first_header;
      r.value = put({static_cast<const char*>(message->payload), message->len});
      r.tombstone = message->payload == nullptr;
    }
    b.slab.append(value_padding, '\0');
    messages_.clear();
    return batch_;
  }

 private:
  template <class Take>
  static void for_each_header(const rd_kafka_message_t& message, const Take& take) {
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0; ++i)
      take(name, {static_cast<const char*>(value), size});
  }
  std::string_view put(std::string_view bytes) {
    const std::size_t at = batch_->slab.size();
    batch_->slab.append(bytes);
    return std::string_view(batch_->slab).substr(at);
  }

  std::shared_ptr<Batch> batch_;
  std::vector<Message> messages_ = {};
  std::size_t bytes_ = 0, headers_ = 0;
};

}  // namespace eventy::kafka::detail
