// Batches of records out of librdkafka's messages. One thread.
#pragma once

#include <string_view>
#include <vector>

#include "eventy/store/batch.hpp"
#include "handles.hpp"

namespace eventy::kafka::detail {

// Gathers messages of one topic partition into the slab of a batch.
class BatchBuilder {
 public:
  BatchBuilder(TopicIndex topic, PartitionId partition) : batch_(std::make_shared<Batch>()) {
    batch_->topic = topic, batch_->partition = partition;
  }
  void add(const rd_kafka_message_t& message) {
    Place place{.offset = message.offset, .first_header = header_places_.size()};
    if (message.key) place.key_at = put(message.key, message.key_len), place.key_size = message.key_len + 1;
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const char* name = nullptr;
      const void* value = nullptr;
      std::size_t size = 0;
      for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0; ++i) {
        const std::string_view text(name);
        header_places_.push_back({put(text.data(), text.size()), text.size(), put(value, size), size});
      }
    }
    place.headers = header_places_.size() - place.first_header;
    place.value_at = put(message.payload, message.len), place.value_size = message.len;
    places_.push_back(place);
    batch_->next = Offset{message.offset + 1};
  }
  std::size_t records() const { return places_.size(); }
  std::size_t bytes() const { return batch_->slab.size(); }
  void set_next(Offset next) { batch_->next = next; }

  std::shared_ptr<const Batch> finish() {
    Batch& b = *batch_;
    b.slab.append(value_padding, '\0');
    const std::string_view all(b.slab);
    b.headers.reserve(header_places_.size());
    for (const auto& h : header_places_)
      b.headers.push_back({all.substr(h.name_at, h.name_size), all.substr(h.value_at, h.value_size)});
    b.records.reserve(places_.size());
    for (const auto& p : places_) {
      StoredRecord& r = b.records.emplace_back();
      r.offset = Offset{p.offset};
      if (p.key_size) r.key = all.substr(p.key_at, p.key_size - 1);
      r.value = all.substr(p.value_at, p.value_size);
      r.first_header = static_cast<std::uint32_t>(p.first_header);
      r.headers = static_cast<std::uint32_t>(p.headers);
    }
    return batch_;
  }

 private:
  struct Place {
    std::int64_t offset = 0;
    std::size_t key_at = 0, key_size = 0;  // size + 1; 0: no key
    std::size_t value_at = 0, value_size = 0, first_header = 0, headers = 0;
  };
  struct HeaderPlace {
    std::size_t name_at, name_size, value_at, value_size;
  };
  std::size_t put(const void* bytes, std::size_t size) {
    const std::size_t at = batch_->slab.size();
    if (size) batch_->slab.append(static_cast<const char*>(bytes), size);
    return at;
  }

  std::shared_ptr<Batch> batch_;
  std::vector<Place> places_ = {};
  std::vector<HeaderPlace> header_places_ = {};
};

}  // namespace eventy::kafka::detail
