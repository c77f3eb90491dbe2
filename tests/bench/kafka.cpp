// What tests/bench/run kafka measures with: bare librdkafka, nothing of our store. Usage, each with BOOTSTRAP
// as its first argument:
//   create B TOPIC...           topics of 8 partitions, stamped by the broker's clock
//   drop B TOPIC...
//   fill B TOPIC RECORDS        writes Clicked records; prints their mean size
//   wait B GROUP TOPIC SECONDS  ends once GROUP has committed all of TOPIC
//   latency B IN OUT WARM_SECONDS SECONDS RATE  writes to IN, reads what becomes visible in OUT; prints p50
//   p99 max
//                               of the milliseconds between, and how many outputs were read
#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/bench/peers/rdkafka.hpp"
#include "tests/bench/peers/records.hpp"

namespace {

using namespace eventy::benchmark;

constexpr int partitions = 8, patience_ms = 30'000;
constexpr std::chrono::milliseconds look_interval{10};
constexpr std::int64_t first_chain = 100'000'000'000;  // see clicked_record

// --- topics ---

using Admin = Owner<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using Event = Owner<rd_kafka_event_t, rd_kafka_event_destroy>;

void check_topics(const rd_kafka_topic_result_t** results, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    must(rd_kafka_topic_result_error(results[i]), rd_kafka_topic_result_name(results[i]));
}

// Until a broker tells of all of them.
void appear(rd_kafka_t* handle, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    const TopicHandle topic(rd_kafka_topic_new(handle, name.c_str(), nullptr));
    for (int there = 0; there != partitions;) {
      const rd_kafka_metadata_t* metadata = nullptr;
      must(rd_kafka_metadata(handle, 0, topic.get(), &metadata, patience_ms), "cannot see a topic");
      there = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
      rd_kafka_metadata_destroy(metadata);
    }
  }
}

void create(const std::string& bootstrap, const std::vector<std::string>& names) {
  const auto handle = make_handle(RD_KAFKA_PRODUCER, bootstrap, {});
  const Queue queue(rd_kafka_queue_new(handle.get()));
  std::vector<rd_kafka_NewTopic_t*> topics;
  char text[512];
  for (const auto& name : names) {
    auto* topic = rd_kafka_NewTopic_new(name.c_str(), partitions, -1, text, sizeof text);
    if (!topic) fail(text);
    must(rd_kafka_NewTopic_set_config(topic, "message.timestamp.type", "LogAppendTime"), "create");
    topics.push_back(topic);
  }
  rd_kafka_CreateTopics(handle.get(), topics.data(), topics.size(), nullptr, queue.get());
  rd_kafka_NewTopic_destroy_array(topics.data(), topics.size());
  const Event event(rd_kafka_queue_poll(queue.get(), patience_ms));
  if (!event) fail("create: no answer");
  must(rd_kafka_event_error(event.get()), "create");
  std::size_t count = 0;
  const auto* result = rd_kafka_event_CreateTopics_result(event.get());
  auto** results = rd_kafka_CreateTopics_result_topics(result, &count);
  check_topics(results, count);
  appear(handle.get(), names);
}

void drop(const std::string& bootstrap, const std::vector<std::string>& names) {
  const auto handle = make_handle(RD_KAFKA_PRODUCER, bootstrap, {});
  const Queue queue(rd_kafka_queue_new(handle.get()));
  std::vector<rd_kafka_DeleteTopic_t*> topics;
  for (const auto& name : names) topics.push_back(rd_kafka_DeleteTopic_new(name.c_str()));
  rd_kafka_DeleteTopics(handle.get(), topics.data(), topics.size(), nullptr, queue.get());
  rd_kafka_DeleteTopic_destroy_array(topics.data(), topics.size());
  const Event event(rd_kafka_queue_poll(queue.get(), patience_ms));
  if (!event) fail("drop: no answer");
}

// --- throughput ---

void fill_topic(const std::string& bootstrap, const std::string& topic, std::uint64_t records) {
  const auto handle = make_handle(RD_KAFKA_PRODUCER, bootstrap,
                                  {{"partitioner", "consistent"},
                                   {"enable.idempotence", "true"},
                                   {"linger.ms", "20"},
                                   {"queue.buffering.max.messages", "200000"},
                                   {"queue.buffering.max.kbytes", "500000"}},
                                  stop_on_failed_delivery);
  const TopicHandle to(rd_kafka_topic_new(handle.get(), topic.c_str(), nullptr));
  auto seed = static_cast<std::uint64_t>(now_us());
  std::uint64_t bytes = 0;
  for (std::uint64_t i = 0; i < records; ++i) {
    const std::string key = workload_key(i);
    const std::string value = clicked_record(i, key, now_us() / 1000, seed);
    bytes += value.size();
    while (rd_kafka_produce(to.get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                            const_cast<char*>(value.data()), value.size(), key.data(), key.size(),
                            nullptr) != 0) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) must(rd_kafka_last_error(), "fill");
      rd_kafka_poll(handle.get(), 10);
    }
    if (i % 1000 == 0) rd_kafka_poll(handle.get(), 0);
  }
  must(rd_kafka_flush(handle.get(), patience_ms), "fill");
  std::printf("%llu\n", static_cast<unsigned long long>(records ? bytes / records : 0));
}

void wait_until_committed(const std::string& bootstrap, const std::string& group, const std::string& topic,
                          int seconds) {
  const auto handle =
      make_handle(RD_KAFKA_CONSUMER, bootstrap, {{"group.id", group}, {"isolation.level", "read_committed"}});
  const auto list = make_list();
  std::vector<std::int64_t> ends(partitions);
  for (int p = 0; p < partitions; ++p) {
    std::int64_t first = 0;
    must(rd_kafka_query_watermark_offsets(handle.get(), topic.c_str(), p, &first,
                                          &ends[static_cast<std::size_t>(p)], patience_ms),
         "cannot find an end");
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), p);
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (std::chrono::steady_clock::now() < deadline) {
    bool all = rd_kafka_committed(handle.get(), list.get(), patience_ms) == RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int i = 0; i < list->cnt; ++i) {
      const auto& at = list->elems[i];
      all = all && (ends[static_cast<std::size_t>(at.partition)] == 0 ||
                    at.offset == ends[static_cast<std::size_t>(at.partition)]);
    }
    if (all) return;
    std::this_thread::sleep_for(look_interval);
  }
  fail("group " + group + " has not committed all of " + topic + " in time");
}

// --- latency ---

struct Latency {
  std::string bootstrap, in, out;
  std::int64_t warm_us = 0, measured_us = 0, interval_us = 0;
  std::uint64_t records() const { return static_cast<std::uint64_t>((warm_us + measured_us) / interval_us); }
};

// The output of record number i becomes visible at result[i].
class Watcher {
 public:
  explicit Watcher(const Latency& plan) : plan_(plan), seen_us_(plan.records(), 0) {
    consumer_ = make_handle(RD_KAFKA_CONSUMER, plan.bootstrap,
                            {{"group.id", "bench-latency"},
                             {"enable.auto.commit", "false"},
                             {"isolation.level", "read_committed"}});
    rd_kafka_poll_set_consumer(consumer_.get());
    const auto list = make_list();
    for (int p = 0; p < partitions; ++p)
      rd_kafka_topic_partition_list_add(list.get(), plan.out.c_str(), p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    must(rd_kafka_assign(consumer_.get(), list.get()), "cannot assign");
  }

  void run() {
    std::uint64_t left = seen_us_.size();
    std::int64_t heard = now_us();
    while (left > 0 && now_us() - heard < 1000 * std::int64_t{patience_ms}) {
      const Owner<rd_kafka_message_t, rd_kafka_message_destroy> m(
          rd_kafka_consumer_poll(consumer_.get(), 100));
      if (!m) continue;
      must(m->err, "cannot read outputs");
      heard = now_us();
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

  const Latency& plan_;
  std::vector<std::int64_t> seen_us_;
  Handle consumer_ = {};
};

// When each record was given to the producer.
std::vector<std::int64_t> send(const Latency& plan) {
  const auto handle =
      make_handle(RD_KAFKA_PRODUCER, plan.bootstrap, {{"partitioner", "consistent"}, {"linger.ms", "0"}},
                  stop_on_failed_delivery);
  const TopicHandle to(rd_kafka_topic_new(handle.get(), plan.in.c_str(), nullptr));
  auto seed = static_cast<std::uint64_t>(now_us());
  std::vector<std::int64_t> sent;
  const std::int64_t start = now_us();
  for (std::uint64_t i = 0; i < plan.records(); ++i) {
    const std::int64_t due = start + static_cast<std::int64_t>(i) * plan.interval_us;
    if (const auto early = due - now_us(); early > 0)
      std::this_thread::sleep_for(std::chrono::microseconds(early));
    const std::string key = workload_key(i);
    const std::string value = clicked_record(i, key, now_us() / 1000, seed);
    sent.push_back(now_us());
    if (rd_kafka_produce(to.get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                         const_cast<char*>(value.data()), value.size(), key.data(), key.size(), nullptr) != 0)
      must(rd_kafka_last_error(), "produce");
    rd_kafka_poll(handle.get(), 0);
  }
  must(rd_kafka_flush(handle.get(), patience_ms), "produce");
  return sent;
}

void latency(const Latency& plan) {
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

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> a(argv + 1, argv + argc);
  const auto is = [&](const char* name, std::size_t least) { return a.size() >= least && a[0] == name; };
  const auto seconds = [](const std::string& text) { return std::int64_t{1'000'000} * std::stoll(text); };
  if (is("create", 3)) {
    create(a[1], {a.begin() + 2, a.end()});
  } else if (is("drop", 3)) {
    drop(a[1], {a.begin() + 2, a.end()});
  } else if (is("fill", 4)) {
    fill_topic(a[1], a[2], std::stoull(a[3]));
  } else if (is("wait", 5)) {
    wait_until_committed(a[1], a[2], a[3], std::stoi(a[4]));
  } else if (is("latency", 7)) {
    latency({.bootstrap = a[1],
             .in = a[2],
             .out = a[3],
             .warm_us = seconds(a[4]),
             .measured_us = seconds(a[5]),
             .interval_us = 1'000'000 / std::stoll(a[6])});
  } else {
    fail("usage: bench_kafka create|drop|fill|wait|latency BOOTSTRAP ...; see the head of kafka.cpp");
  }
}
