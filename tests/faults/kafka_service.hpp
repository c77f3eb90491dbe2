// A service's topics, group and positions on the tests' broker, under a prefix of their own, and what others
// than its nodes may do to them.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "adapters/kafka/client.hpp"
#include "adapters/kafka/group.hpp"
#include "adapters/kafka/positions.hpp"
#include "adapters/kafka/transactional_producer.hpp"
#include "caf/test/unit_test.hpp"
#include "conformance/driver.hpp"
#include "eventy/kafka/kafka_store.hpp"
#include "support/kafka_broker.hpp"

namespace eventy::tests {

struct KafkaService {
  KafkaService() {
    options.bootstrap = kafka_bootstrap();
    options.prefix = unique_prefix();
  }
  void open() {
    store = kafka::open(options).value();
    client = kafka::detail::Client::make(options).value();
    store->ensure_topics({{"in", 1}, {"out", 1}}).value();
    store->append("in", {conformance::record("a")}).value();
  }
  std::string group() const { return options.prefix + "counter"; }
  kafka::detail::TopicPartition input() const { return {options.prefix + "in", 0}; }

  // What stands in the group's committed offset.
  kafka::detail::Client::CommittedOffset committed() {
    return client->committed(group(), {input()}).value().at(0);
  }
  std::string cycle() { return kafka::detail::read_note(committed().metadata).cycle; }

  void await_empty_group() {
    const auto deadline = std::chrono::steady_clock::now() + conformance::patience;
    while (!kafka::detail::membership_of(*client, group()).value().members.empty() &&
           std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  // A position by nobody of the group, once that is empty.
  void commit_by_hand(const kafka::detail::PositionNote& note, Offset next = {}) {
    const auto list = kafka::detail::make_list(1);
    kafka::detail::add_position(*list, input(), {.next = next}, note);
    commit_by_hand(*list);
  }
  // The same as tools do it: this metadata as it is.
  void commit_by_hand(const std::string& metadata, Offset next) {
    const auto list = kafka::detail::make_list(1);
    auto* at = rd_kafka_topic_partition_list_add(list.get(), input().topic.c_str(), 0);
    at->offset = next.value;
    at->metadata = ::strdup(metadata.c_str());  // librdkafka frees it
    at->metadata_size = metadata.size();
    commit_by_hand(*list);
  }
  void commit_by_hand(const rd_kafka_topic_partition_list_t& list) {
    await_empty_group();
    const auto producer =
        kafka::detail::TransactionalProducer::open(*client, options.prefix + "by-hand").value();
    const kafka::detail::GroupMetadata nobody(rd_kafka_consumer_group_metadata_new(group().c_str()));
    producer->begin().value();
    CAF_REQUIRE(producer->send_positions(list, nobody.get()).ok());
    CAF_REQUIRE(producer->commit().is_committed());
  }

  void delete_topics(const std::vector<std::string>& names) {
    auto* admin = client->admin().value();
    std::vector<rd_kafka_DeleteTopic_t*> asked;
    for (const auto& name : names) asked.push_back(rd_kafka_DeleteTopic_new((options.prefix + name).c_str()));
    const kafka::detail::Queue queue(rd_kafka_queue_new(admin));
    rd_kafka_DeleteTopics(admin, asked.data(), asked.size(), nullptr, queue.get());
    const kafka::detail::Event event(rd_kafka_queue_poll(queue.get(), client->timeout_ms()));
    rd_kafka_DeleteTopic_destroy_array(asked.data(), asked.size());
    CAF_REQUIRE(event && rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR_NO_ERROR);
    const auto deadline = std::chrono::steady_clock::now() + conformance::patience;
    const auto gone = [&] {
      const auto there = client->topics().value();
      return std::none_of(names.begin(), names.end(), [&](const auto& n) { return there.contains(n); });
    };
    while (!gone() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  void delete_records(Offset up_to) {
    const auto list = kafka::detail::make_list(1);
    rd_kafka_topic_partition_list_add(list.get(), input().topic.c_str(), 0)->offset = up_to.value;
    auto* asked = rd_kafka_DeleteRecords_new(list.get());
    auto* admin = client->admin().value();
    const kafka::detail::Queue queue(rd_kafka_queue_new(admin));
    rd_kafka_DeleteRecords(admin, &asked, 1, nullptr, queue.get());
    const kafka::detail::Event event(rd_kafka_queue_poll(queue.get(), client->timeout_ms()));
    rd_kafka_DeleteRecords_destroy(asked);
    CAF_REQUIRE(event && rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  void delete_group() {
    auto* admin = client->admin().value();
    auto* asked = rd_kafka_DeleteGroup_new(group().c_str());
    const kafka::detail::Queue queue(rd_kafka_queue_new(admin));
    rd_kafka_DeleteGroups(admin, &asked, 1, nullptr, queue.get());
    const kafka::detail::Event event(rd_kafka_queue_poll(queue.get(), client->timeout_ms()));
    rd_kafka_DeleteGroup_destroy(asked);
    CAF_REQUIRE(event && rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  // Another topic of the name of the input, with so many records.
  void make_input_anew(int records) {
    delete_topics({"in"});
    client->ensure({{"in", 1}}, kafka::detail::Cleanup::keep).value();
    if (records > 0) feed(records, "new ");
  }
  void feed(int records, const std::string& name) {
    std::vector<NewRecord> all;
    for (int i = 0; i < records; ++i) all.push_back(conformance::record(name + std::to_string(i)));
    // A client may take a topic that was just made for unknown: then nothing was written.
    auto written = store->append("in", all);
    const auto deadline = std::chrono::steady_clock::now() + conformance::patience;
    while (!written && written.error().message.find("Unknown topic") != std::string::npos &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      written = store->append("in", all);
    }
    written.value();
  }

  kafka::Options options = {};
  std::unique_ptr<RecordStore> store = {};
  std::shared_ptr<kafka::detail::Client> client = {};
};

inline Error end_of_session(conformance::Driver& driver) {
  const auto deadline = std::chrono::steady_clock::now() + conformance::patience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (const auto polled = driver->poll({}); !polled.ok()) return polled.error();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return {};
}

inline bool says(const Error& error, const std::string& text) {
  return error.message.find(text) != error.message.npos;
}

}  // namespace eventy::tests
