// From a record's way into the producer to the sight of what it caused, by one clock in one process.
#pragma once

#include <algorithm>

#include "tests/bench/kafka/load.hpp"

namespace eventy::benchmark {

struct Latency {
  std::string bootstrap, in, out;
  std::int64_t warm_us = 0, measured_us = 0, interval_us = 0;
  std::uint64_t records() const { return static_cast<std::uint64_t>((warm_us + measured_us) / interval_us); }
};

// The output of record number i becomes visible at seen_us()[i].
class Watcher {
 public:
  explicit Watcher(const Latency& plan) : seen_us_(plan.records(), 0) {
    consumer_ = make_reader(plan.bootstrap, "bench-latency", "read_committed");
    rd_kafka_poll_set_consumer(consumer_.get());
    const auto list = make_list();
    for (int p = 0; p < partitions; ++p)
      rd_kafka_topic_partition_list_add(list.get(), plan.out.c_str(), p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    must(rd_kafka_assign(consumer_.get(), list.get()), "cannot assign");
  }

  void run() {
    std::uint64_t left = seen_us_.size();
    std::int64_t heard = steady_us();
    while (left > 0 && steady_us() - heard < 1000 * std::int64_t{patience_ms}) {
      const Owner<rd_kafka_message_t, rd_kafka_message_destroy> m(
          rd_kafka_consumer_poll(consumer_.get(), 100));
      if (!m) continue;
      must(m->err, "cannot read outputs");
      heard = steady_us();
      auto& at = seen_us_.at(number_of({static_cast<const char*>(m->payload), m->len}));
      if (at == 0) --left;
      at = heard;
    }
  }
  const std::vector<std::int64_t>& seen_us() const { return seen_us_; }

 private:
  static std::uint64_t number_of(std::string_view output) {
    static constexpr std::string_view before = "\"bench:";
    const auto at = output.find(before);
    if (at == std::string_view::npos) fail("an output without its correlation id");
    std::int64_t n = 0;
    std::from_chars(output.data() + at + before.size(), output.data() + output.size(), n);
    return static_cast<std::uint64_t>(n - first_chain);
  }

  std::vector<std::int64_t> seen_us_;
  Handle consumer_ = {};
};

// When each record was given to the producer.
inline std::vector<std::int64_t> send(const Latency& plan) {
  Writer writer(plan.bootstrap, plan.in, Writer::Sends::at_once, workload_keys);
  std::vector<std::int64_t> sent;
  const std::int64_t start = steady_us();
  for (std::uint64_t i = 0; i < plan.records(); ++i) {
    const std::int64_t due = start + static_cast<std::int64_t>(i) * plan.interval_us;
    if (const auto early = due - steady_us(); early > 0)
      std::this_thread::sleep_for(std::chrono::microseconds(early));
    sent.push_back(steady_us());
    writer.write(i);
    writer.hear();
  }
  writer.flush();
  return sent;
}

// Prints p50, p99 and the largest in ms, and of how many records.
inline void measure_latency(const Latency& plan) {
  Watcher watcher(plan);
  std::thread reading([&] { watcher.run(); });
  const auto sent = send(plan);
  reading.join();
  std::vector<double> ms;
  for (std::size_t i = static_cast<std::size_t>(plan.warm_us / plan.interval_us); i < sent.size(); ++i) {
    if (watcher.seen_us()[i] == 0) fail("record " + std::to_string(i) + " has no output");
    ms.push_back(static_cast<double>(watcher.seen_us()[i] - sent[i]) / 1000);
  }
  std::sort(ms.begin(), ms.end());
  std::printf("%.2f %.2f %.2f %zu\n", ms[ms.size() / 2], ms[ms.size() * 99 / 100], ms.back(), ms.size());
}

}  // namespace eventy::benchmark
