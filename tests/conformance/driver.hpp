// The small vocabulary of the suite's cases: a session that is polled until something happens, slices, whole
// logs.
#pragma once

#include "../support/topic_log.hpp"
#include "store_suite.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace eventy::conformance {

inline constexpr std::chrono::seconds patience{20};

using support::log_of;
using support::Seen;
using support::seen_in;

inline std::vector<std::string> values_of(const std::vector<Seen>& records) {
  std::vector<std::string> values;
  for (const auto& r : records) values.push_back(r.value);
  return values;
}

inline std::vector<std::string> values_in(RecordStore& store, const std::string& topic,
                                          std::uint32_t partition = 0) {
  return values_of(log_of(store, topic, partition));
}

// Copies: the framework's CAF_CHECK_EQUAL binds references, which a part of a temporary does not outlive.
inline std::int64_t position_of(RecordStore& store, const std::string& service, const std::string& topic,
                                std::uint32_t partition) {
  return store.position(service, topic, PartitionId{partition}).value().value;
}
inline std::int64_t end_of(RecordStore& store, const std::string& topic, std::uint32_t partition) {
  return store.end_of(topic, PartitionId{partition}).value().value;
}

using States = std::map<std::pair<std::uint32_t, std::string>, std::string>;
inline States states_of(RecordStore& store, const std::string& service, const std::string& keyspace) {
  States all;
  store
      .scan(service, keyspace,
            [&](PartitionId partition, std::string_view key, std::string_view value) {
              all[{partition.value, std::string(key)}] = std::string(value);
              return true;
            })
      .value();
  return all;
}

inline NewRecord record(std::string value, std::optional<std::string> key = {}, std::uint32_t partition = 0) {
  NewRecord r;
  r.key = std::move(key);
  r.value = std::move(value);
  r.partition = PartitionId{partition};
  return r;
}

inline void add_output(OutputBuffer& out, std::uint32_t topic, std::uint32_t partition,
                       const std::optional<std::string>& key, const std::string& value,
                       const std::vector<std::pair<std::string, std::string>>& headers = {}) {
  OutputBuffer::Entry e;
  e.topic = TopicIndex{topic};
  e.partition = PartitionId{partition};
  e.has_key = key.has_value();
  e.key_at = out.bytes.size();
  if (key) out.bytes += *key, e.key_size = static_cast<std::uint32_t>(key->size());
  e.value_at = out.bytes.size();
  e.value_size = static_cast<std::uint32_t>(value.size());
  out.bytes += value;
  e.first_header = static_cast<std::uint32_t>(out.headers.size());
  e.headers = static_cast<std::uint32_t>(headers.size());
  for (const auto& [name, content] : headers) {
    OutputBuffer::HeaderEntry h;
    h.name_at = out.bytes.size(), h.name_size = static_cast<std::uint32_t>(name.size());
    out.bytes += name;
    h.value_at = out.bytes.size(), h.value_size = static_cast<std::uint32_t>(content.size());
    out.bytes += content;
    out.headers.push_back(h);
  }
  out.entries.push_back(e);
}

// A slice under construction. Topic 0 is the input and topic 1 the output of driver_options().
struct Slice {
  SliceEffects effects = {};

  explicit Slice(std::uint32_t partition = 0) { effects.partition = PartitionId{partition}; }
  Slice& emit(const std::string& value, std::uint32_t partition = 0, std::uint32_t topic = 1) {
    add_output(effects.outputs, topic, partition, "key", value);
    return *this;
  }
  Slice& set(const std::string& key, std::optional<std::string> value, std::uint32_t keyspace = 0) {
    effects.state.push_back({KeyspaceIndex{keyspace}, key, std::move(value)});
    return *this;
  }
  Slice& next(std::int64_t offset, std::uint32_t topic = 0) {
    effects.positions.push_back({TopicIndex{topic}, Offset{offset}});
    return *this;
  }
};

inline SessionOptions driver_options(const std::string& service = "counter",
                                     const std::string& node = "node") {
  SessionOptions o;
  o.service = service;
  o.node = node;
  o.topics = {"in", "out"};
  o.inputs = {TopicIndex{0}};
  o.keyspaces = {"state"};
  return o;
}

// A session and what its polls brought.
class Driver {
 public:
  explicit Driver(RecordStore& store, const SessionOptions& options = driver_options())
      : session_(store.open_session(options).value()) {}

  StoreSession& session() { return *session_; }
  StoreSession* operator->() { return session_.get(); }
  void drop() { session_.reset(); }

  // One poll; keeps what comes.
  void step(const PollLimits& limits = {}) {
    for (auto& event : session_->poll(limits).value()) take(std::move(event));
  }
  template <class Done>
  void until(const char* what, Done done) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
      if (done()) return;
      if (std::chrono::steady_clock::now() > deadline)
        throw std::runtime_error(std::string("waited in vain for ") + what);
      step();
      if (!done()) std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
  Driver& ready(std::size_t partitions = 1) {
    until("partitions", [&] { return states.size() >= partitions; });
    return *this;
  }
  void append(const Slice& slice) { session_->append(complete(slice.effects)).value(); }
  // Commits and waits for the outcome.
  void commit(std::uint64_t cycle) {
    session_->commit(CycleId{cycle}).value();
    const auto outcomes = committed.size() + aborted.size() + unknown.size();
    until("an outcome", [&] { return committed.size() + aborted.size() + unknown.size() > outcomes; });
  }
  void read_until(std::size_t count, std::uint32_t topic = 0, std::uint32_t partition = 0) {
    until("records", [&] { return records[{topic, partition}].size() >= count; });
  }
  std::vector<Seen>& read(std::uint32_t topic = 0, std::uint32_t partition = 0) {
    return records[{topic, partition}];
  }
  Result<std::optional<std::string>> state(const std::string& key, std::uint32_t partition = 0) {
    return states.at(PartitionId{partition})->get(KeyspaceIndex{0}, key);
  }

  std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<Seen>> records = {};
  std::vector<std::shared_ptr<const Batch>> batches = {};
  std::set<PartitionId> assigned = {};
  std::map<PartitionId, std::shared_ptr<const StateReader>> states = {};
  std::map<PartitionId, std::vector<NextOffset>> positions = {};  // as of the restored state
  std::vector<PartitionId> revoked = {}, lost = {};
  std::map<PartitionId, std::vector<Restoring>> restoring = {};  // what was told of the progress
  std::vector<std::uint64_t> committed = {};
  std::vector<Aborted> aborted = {};
  std::vector<UnknownOutcome> unknown = {};

 private:
  void take(StoreEvent event) {
    if (auto* e = std::get_if<Assigned>(&event)) assigned.insert(e->partitions.begin(), e->partitions.end());
    if (auto* e = std::get_if<Restoring>(&event)) restoring[e->partition].push_back(*e);
    if (auto* e = std::get_if<Restored>(&event)) {
      states[e->partition] = e->state;
      positions[e->partition] = e->positions;
    }
    if (auto* e = std::get_if<Revoked>(&event))
      revoked.insert(revoked.end(), e->partitions.begin(), e->partitions.end());
    if (auto* e = std::get_if<Lost>(&event))
      lost.insert(lost.end(), e->partitions.begin(), e->partitions.end());
    if (auto* e = std::get_if<Committed>(&event)) committed.push_back(e->cycle.value);
    if (auto* e = std::get_if<Aborted>(&event)) aborted.push_back(*e);
    if (auto* e = std::get_if<UnknownOutcome>(&event)) unknown.push_back(*e);
    if (auto* e = std::get_if<Records>(&event)) {
      auto& all = records[{e->batch->topic.value, e->batch->partition.value}];
      for (auto& seen : seen_in(*e->batch)) all.push_back(std::move(seen));
      batches.push_back(e->batch);
    }
  }

  std::unique_ptr<StoreSession> session_;
};

}  // namespace eventy::conformance
