// Runs the services of the vocabulary on a store, and what the store then holds, as one value: every record
// with its key and headers, positions, and each keyspace, all bytes as base64.
#pragma once

#include "../support/local_node.hpp"
#include "eventy/core/base64.hpp"
#include "eventy/engine/parking.hpp"
#include "eventy/json/json.hpp"
#include "eventy/msgpack/msgpack.hpp"
#include "eventy/testing/virtual_clock.hpp"
#include "vocabulary.hpp"

#include <chrono>
#include <thread>

namespace golden {

using namespace eventy;

inline std::string base64(std::string_view bytes) {
  std::string out(base64_size(bytes.size()), '\0');
  encode_base64(std::as_bytes(std::span(bytes)), out.data());
  return out;
}

inline RuntimeOptions formats() {
  return {.serializer = json::serializer(), .state_format = msgpack::state_format()};
}

// Lets a service read all there is, and ends it.
inline void run_once(RecordStore& store, const Service& service) {
  testing::VirtualClock clock;
  testing::LocalService node(store, service, formats(), BridgeOptions{}, clock, 1);
  // The store commits on a thread of its own; until it has, there is nothing else to do.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (int rounds = 0; rounds < 30 || !node.bridge().idle(); ++rounds) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("not read to the end");
    node.round(), clock.advance(Duration(30));
    std::this_thread::yield();
  }
}

inline ValueList records_of(RecordStore& store, const std::string& topic) {
  ValueList all;
  const auto reader = store.read(topic, PartitionId{0}, Offset{0}).value();
  while (true) {
    const auto batch = reader->next({}).value();
    if (batch->records.empty()) return all;
    for (const auto& record : batch->records) {
      ValueMap headers;
      for (std::uint32_t h = 0; h < record.headers; ++h) {
        const auto& header = batch->headers[record.first_header + h];
        headers.emplace_back(std::string(header.name), Value{std::string(header.value)});
      }
      all.push_back({ValueMap{{"offset", {record.offset.value}},
                              {"key", record.key ? Value{std::string(*record.key)} : Value{}},
                              {"headers", {std::move(headers)}},
                              {"value", {base64(record.value)}}}});
    }
  }
}

inline ValueMap keyspace_of(const RecordStore& store, const std::string& service, const std::string& name) {
  ValueMap all;
  store
      .scan(service, name,
            [&](PartitionId, std::string_view key, std::string_view value) {
              all.emplace_back(base64(key), Value{base64(value)});
              return true;
            })
      .value();
  return all;
}

inline ValueMap content_of(RecordStore& store) {
  ValueMap topics, positions, states;
  for (const auto& topic : store.topics().value()) {
    topics.emplace_back(topic.name, Value{records_of(store, topic.name)});
    for (const auto* service : {"till", "shop"}) {
      const auto at = store.position(service, topic.name, PartitionId{0}).value();
      positions.emplace_back(std::string(service) + " of " + topic.name, Value{at.value});
    }
  }
  for (const auto& service : {till(), shop(Book::takes_returns)})
    for (const auto& name : ServiceRuntime(service, formats()).session_options("").keyspaces)
      states.emplace_back(service.name() + " " + name, Value{keyspace_of(store, service.name(), name)});
  return {{"topics", {topics}}, {"positions", {positions}}, {"states", {states}}};
}

}  // namespace golden
