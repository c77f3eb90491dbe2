// What a reader of committed records sees of a topic: all of it as fast as it goes, or what is new.
#pragma once

#include <algorithm>
#include <atomic>
#include <iostream>

#include "tests/bench/kafka/topics.hpp"

namespace eventy::benchmark {

// From offsets, not from "the beginning": that is looked up again half a second later where the leader of a
// partition is not known yet.
inline void assign(rd_kafka_t* consumer, const std::string& topic, const std::vector<std::int64_t>& from) {
  const auto list = make_list();
  for (int p = 0; p < partitions; ++p)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), p)->offset =
        from[static_cast<std::size_t>(p)];
  must(rd_kafka_assign(consumer, list.get()), "cannot assign");
}

// Reads all of a topic, which nobody writes to, and does nothing with it. Prints ms, records and bytes.
inline void consume(const std::string& bootstrap, const std::string& topic) {
  const auto start = steady_us();
  const auto consumer = make_handle(RD_KAFKA_CONSUMER, bootstrap,
                                    {{"group.id", "bench-consume"},
                                     {"enable.auto.commit", "false"},
                                     {"enable.partition.eof", "true"},
                                     {"isolation.level", "read_committed"},
                                     {"check.crcs", "true"},
                                     {"fetch.wait.max.ms", "10"},  // or its end is seen half a second late
                                     {"queued.min.messages", "250000"},
                                     {"queued.max.messages.kbytes", "1000000"}});
  rd_kafka_poll_set_consumer(consumer.get());
  const Queue queue(rd_kafka_queue_get_consumer(consumer.get()));
  assign(consumer.get(), topic, edges(consumer.get(), topic, Edge::first));
  std::vector<rd_kafka_message_t*> messages(4096);
  std::uint64_t records = 0, bytes = 0;
  for (int open = partitions; open > 0;) {
    const auto count = rd_kafka_consume_batch_queue(queue.get(), 100, messages.data(), messages.size());
    for (ssize_t i = 0; i < count; ++i) {
      auto* m = messages[static_cast<std::size_t>(i)];
      if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        --open;
      } else {
        must(m->err, "cannot read");
        ++records, bytes += m->len + m->key_len;
      }
      rd_kafka_message_destroy(m);
    }
  }
  std::printf("%.1f %llu %llu\n", static_cast<double>(steady_us() - start) / 1000,
              static_cast<unsigned long long>(records), static_cast<unsigned long long>(bytes));
}

// Reads what is new in a topic. A line with a time in ms, by the clock of the day, asks for the first record
// that the broker has got after it; the answer is when that record was seen here.
inline void first_after(const std::string& bootstrap, const std::string& topic) {
  const auto consumer = make_reader(bootstrap, "bench-first", "read_committed");
  rd_kafka_poll_set_consumer(consumer.get());
  assign(consumer.get(), topic, edges(consumer.get(), topic, Edge::end));
  std::printf("ready\n"), std::fflush(stdout);
  std::atomic<std::int64_t> asked_ms = 0;
  std::atomic<bool> ended = false;
  std::thread asking([&] {
    for (std::int64_t ms = 0; std::cin >> ms;) asked_ms = ms;
    ended = true;
  });
  while (!ended) {
    const Owner<rd_kafka_message_t, rd_kafka_message_destroy> m(rd_kafka_consumer_poll(consumer.get(), 20));
    if (!m || asked_ms == 0) continue;
    must(m->err, "cannot read outputs");
    if (rd_kafka_message_timestamp(m.get(), nullptr) <= asked_ms) continue;
    asked_ms = 0;
    std::printf("%lld\n", static_cast<long long>(now_us() / 1000)), std::fflush(stdout);
  }
  asking.join();
}

}  // namespace eventy::benchmark
