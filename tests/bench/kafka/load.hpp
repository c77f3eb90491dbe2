// The input of a measurement: as fast as it goes, or at a steady rate.
#pragma once

#include <csignal>

#include "tests/bench/kafka/topics.hpp"
#include "tests/bench/peers/records.hpp"

namespace eventy::benchmark {

class Writer {
 public:
  enum class Sends : std::uint8_t { in_batches, at_once };
  Writer(const std::string& bootstrap, const std::string& topic, Sends how, std::uint64_t keys)
      : keys_(keys), seed_(static_cast<std::uint64_t>(now_us())) {
    handle_ = make_handle(RD_KAFKA_PRODUCER, bootstrap,
                          {{"partitioner", "consistent"},
                           {"enable.idempotence", "true"},
                           {"linger.ms", how == Sends::at_once ? "0" : "20"},
                           {"queue.buffering.max.messages", "200000"},
                           {"queue.buffering.max.kbytes", "500000"}},
                          stop_on_failed_delivery);
    to_.reset(rd_kafka_topic_new(handle_.get(), topic.c_str(), nullptr));
  }

  // Record number `i`; gives its size.
  std::size_t write(std::uint64_t i) {
    const std::string key = workload_key(i, keys_);
    const std::string value = clicked_record(i, key, now_us() / 1000, seed_);
    while (rd_kafka_produce(to_.get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                            const_cast<char*>(value.data()), value.size(), key.data(), key.size(),
                            nullptr) != 0) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) must(rd_kafka_last_error(), "produce");
      rd_kafka_poll(handle_.get(), 10);
    }
    return value.size();
  }
  void hear() { rd_kafka_poll(handle_.get(), 0); }
  void flush() { must(rd_kafka_flush(handle_.get(), patience_ms), "produce"); }

 private:
  Handle handle_ = {};
  TopicHandle to_ = {};
  std::uint64_t keys_, seed_;
};

struct Fill {
  std::uint64_t records = 0, keys = workload_keys;
};

// Prints the mean size of its records.
inline void fill_topic(const std::string& bootstrap, const std::string& topic, const Fill& fill) {
  Writer writer(bootstrap, topic, Writer::Sends::in_batches, fill.keys);
  std::uint64_t bytes = 0;
  for (std::uint64_t i = 0; i < fill.records; ++i) {
    bytes += writer.write(i);
    if (i % 1000 == 0) writer.hear();
  }
  writer.flush();
  std::printf("%llu\n", static_cast<unsigned long long>(fill.records ? bytes / fill.records : 0));
}

inline volatile std::sig_atomic_t load_ends = 0;

// So many records a second until SIGTERM; prints how many they were.
inline void load_topic(const std::string& bootstrap, const std::string& topic, std::int64_t rate) {
  std::signal(SIGTERM, [](int) { load_ends = 1; });
  Writer writer(bootstrap, topic, Writer::Sends::in_batches, workload_keys);
  const std::int64_t start = steady_us();
  std::int64_t sent = 0;
  while (!load_ends) {
    for (const auto due = (steady_us() - start) * rate / 1'000'000; sent < due; ++sent)
      writer.write(static_cast<std::uint64_t>(sent));
    writer.hear();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  writer.flush();
  std::printf("%lld\n", static_cast<long long>(sent));
}

}  // namespace eventy::benchmark
