// Topics of a measurement: made, dropped, and looked at until a peer is done with them.
#pragma once

#include <cstdio>
#include <thread>
#include <vector>

#include "tests/bench/peers/rdkafka.hpp"

namespace eventy::benchmark {

inline constexpr int partitions = 8, patience_ms = 30'000;
using Admin = Owner<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using Event = Owner<rd_kafka_event_t, rd_kafka_event_destroy>;

// Until a broker tells of all of them.
inline void appear(rd_kafka_t* handle, const std::vector<std::string>& names) {
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

// Their records are stamped by the broker's clock.
inline void create(const std::string& bootstrap, const std::vector<std::string>& names) {
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
  for (std::size_t i = 0; i < count; ++i)
    must(rd_kafka_topic_result_error(results[i]), rd_kafka_topic_result_name(results[i]));
  appear(handle.get(), names);
}

inline void drop(const std::string& bootstrap, const std::vector<std::string>& names) {
  const auto handle = make_handle(RD_KAFKA_PRODUCER, bootstrap, {});
  const Queue queue(rd_kafka_queue_new(handle.get()));
  std::vector<rd_kafka_DeleteTopic_t*> topics;
  for (const auto& name : names) topics.push_back(rd_kafka_DeleteTopic_new(name.c_str()));
  rd_kafka_DeleteTopics(handle.get(), topics.data(), topics.size(), nullptr, queue.get());
  rd_kafka_DeleteTopic_destroy_array(topics.data(), topics.size());
  const Event event(rd_kafka_queue_poll(queue.get(), patience_ms));
  if (!event) fail("drop: no answer");
}

enum class Edge : std::uint8_t { first, end };

// By partition. The end that a reader of committed records sees stands before the first open transaction. A
// topic that was made just now may have no leader yet.
inline std::vector<std::int64_t> edges(rd_kafka_t* handle, const std::string& topic, Edge edge) {
  std::vector<std::int64_t> found;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
  for (int p = 0; p < partitions;) {
    std::int64_t first = 0, end = 0;
    const auto code = rd_kafka_query_watermark_offsets(handle, topic.c_str(), p, &first, &end, patience_ms);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      found.push_back(edge == Edge::first ? first : end);
      ++p;
    } else if (std::chrono::steady_clock::now() > deadline) {
      must(code, "cannot find an end");
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  return found;
}

inline Handle make_reader(const std::string& bootstrap, const std::string& group,
                          const std::string& isolation) {
  return make_handle(RD_KAFKA_CONSUMER, bootstrap,
                     {{"group.id", group},
                      {"enable.auto.commit", "false"},
                      {"isolation.level", isolation},
                      {"queued.min.messages", "250000"},  // beyond, fetching stops for a second
                      {"queued.max.messages.kbytes", "1000000"}});
}

// Until a group has committed all of its input, and no transaction is open on its output.
inline void wait_until_committed(const std::string& bootstrap, const std::string& group,
                                 const std::string& in, const std::string& out, int seconds) {
  constexpr std::chrono::milliseconds topic_check_interval{10};
  const auto committed = make_reader(bootstrap, group, "read_committed");
  const auto uncommitted = make_reader(bootstrap, group, "read_uncommitted");
  const auto ends = edges(committed.get(), in, Edge::end);
  const auto list = make_list();
  for (int p = 0; p < partitions; ++p) rd_kafka_topic_partition_list_add(list.get(), in.c_str(), p);
  const auto read_all = [&] {
    if (rd_kafka_committed(committed.get(), list.get(), patience_ms)) return false;
    for (int i = 0; i < list->cnt; ++i) {
      const auto end = ends[static_cast<std::size_t>(list->elems[i].partition)];
      if (end != 0 && list->elems[i].offset != end) return false;
    }
    return true;
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (std::chrono::steady_clock::now() < deadline) {
    if (read_all() && edges(committed.get(), out, Edge::end) == edges(uncommitted.get(), out, Edge::end))
      return;
    std::this_thread::sleep_for(topic_check_interval);
  }
  fail("group " + group + " has not committed all of " + in + " in time");
}

}  // namespace eventy::benchmark
