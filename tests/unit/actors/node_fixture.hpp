// A node in virtual time, in the harness of Simulation, on the memory store.
#pragma once

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <map>

#include "actors/testing/simulated_node.hpp"
#include "eventy/store/memory_store.hpp"
#include "eventy/testing/plain_format.hpp"
#include "examples/counter/counter.hpp"
#include "support/shell_session.hpp"

namespace eventy::actors {

// Committed state that fails to load as often as it was told to, aborted cycles for a reason of one's own,
// and what happens at each poll.
struct Faults {
  int loads_to_fail = 0, loads_failed = 0, sessions = 0;
  ErrorCode code = ErrorCode::io;
  std::optional<Error> abort_reason = {};
  std::function<void()> on_poll = [] {};
};

class FaultyReader final : public StateReader {
 public:
  FaultyReader(std::shared_ptr<const StateReader> inner, std::shared_ptr<Faults> faults)
      : inner_(std::move(inner)), faults_(std::move(faults)) {}
  Result<std::optional<std::string>> get(KeyspaceIndex keyspace, std::string_view key) const override {
    if (keyspace.value == 0 && faults_->loads_to_fail > 0) {
      --faults_->loads_to_fail, ++faults_->loads_failed;
      return Error{faults_->code, "the state of a key is damaged"};
    }
    return inner_->get(keyspace, key);
  }

 private:
  std::shared_ptr<const StateReader> inner_;
  std::shared_ptr<Faults> faults_;
};

class FaultySession final : public support::ShellSession {
 public:
  FaultySession(std::unique_ptr<StoreSession> inner, std::shared_ptr<Faults> faults)
      : ShellSession(std::move(inner)), faults_(std::move(faults)) {}

  Result<std::vector<StoreEvent>> poll(const PollLimits& limits) override {
    faults_->on_poll();
    return ShellSession::poll(limits);
  }

 private:
  Result<void> change(StoreEvent& event) override {
    if (auto* restored = std::get_if<Restored>(&event))
      restored->state = std::make_shared<FaultyReader>(restored->state, faults_);
    if (auto* aborted = std::get_if<Aborted>(&event); aborted && faults_->abort_reason)
      aborted->reason = *faults_->abort_reason;
    return {};
  }
  std::shared_ptr<Faults> faults_;
};

struct NodeFixture {
  static constexpr std::uint32_t partitions = 4;

  testing::Trace trace;
  testing::Random chance{1};
  testing::World world{chance, trace, testing::World::Order::as_sent};
  testing::SimulatedNode node{world, "node"};
  MemoryStore store;
  std::shared_ptr<Faults> faults = std::make_shared<Faults>();
  std::shared_ptr<Board> board = std::make_shared<Board>();
  ServiceSetup setup = {};                 // a test changes what it needs before start()
  std::vector<ServiceSetup> further = {};  // services that run beside it
  Duration idle_check{0};
  SupervisionOptions supervision = {.restarts = {.intensity = 0}};  // of the services

  // Ends in good order.
  ~NodeFixture() {
    tell_node(msg::Stop{});
    run_ready();
  }

  template <class Message>
  void tell_node(Message message) {
    post({}, node.root(), message);
  }
  void run_ready() { world.run_ready(); }  // no time passes
  void run() { world.run(); }
  void run_until(const std::function<bool()>& done) {
    if (!world.run_until(done)) throw std::runtime_error("it did not come to that");
  }
  void advance_time(Duration time) { world.advance(time); }

  static std::shared_ptr<const ServiceRuntime> runtime_of(const Service& service) {
    return std::make_shared<const ServiceRuntime>(
        service, RuntimeOptions{.serializer = testing::plain_serializer(),
                                .state_format = testing::plain_state_format()});
  }

  void prepare(const Service& service) {
    setup.runtime = runtime_of(service);
    setup.supervision = {.restarts = {.intensity = 3}};
    store.ensure_topics(setup.runtime->topic_specs(partitions)).value();
    setup.open_session = [this]() -> Result<std::unique_ptr<StoreSession>> {
      auto session = store.open_session(setup.runtime->session_options("node"));
      if (!session.ok()) return session.error();
      ++faults->sessions;
      return std::unique_ptr<StoreSession>(std::make_unique<FaultySession>(std::move(*session), faults));
    };
  }

  void start() {
    RootSetup all{{std::make_shared<const ServiceSetup>(setup)}, board, idle_check, supervision};
    for (const auto& other : further) all.services.push_back(std::make_shared<const ServiceSetup>(other));
    node.start(all);
  }

  NodeState state() { return board->wait(NodeState::running, Duration(0)); }

  void click(int times, int keys) {
    const auto encoder = testing::plain_serializer()->make_encoder();
    std::vector<NewRecord> records;
    for (int n = 0; n < times; ++n) {
      Record record(Kind::event, "urn:bench", "Clicked", "urn:bench");
      const std::string key = "key-" + std::to_string(n % keys);
      record.set_partition_key(key);
      record.data = {{"n", {std::int64_t{n}}}};
      records.push_back({.key = key, .value = encode(record, *encoder)});
    }
    (void)store.append("bench-events", records).value();
  }

  // The data of all committed records of a topic.
  std::vector<ValueMap> data_in(const std::string& topic) {
    const auto decoder = testing::plain_serializer()->make_decoder();
    std::vector<ValueMap> out;
    for (std::uint32_t p = 0; p < partitions; ++p) {
      const auto reader = store.read(topic, {p}, {0}).value();
      for (;;) {
        const auto batch = reader->next({}).value();
        if (batch->records.empty()) break;
        for (const auto& r : batch->records) out.push_back(decode(r.value, *decoder).data);
      }
    }
    return out;
  }

  // The counts that were emitted, by key, in their order.
  std::map<std::string, std::vector<std::int64_t>> counted() {
    std::map<std::string, std::vector<std::int64_t>> out;
    for (const auto& data : data_in("counter-events"))
      out[std::get<std::string>(data.at(0).second.is)].push_back(
          std::get<std::int64_t>(data.at(1).second.is));
    return out;
  }

  // Every key's counts are 1, 2, 3 … `each`: nothing lost, nothing doubled, nothing out of order.
  bool counted_exactly(std::size_t keys, std::int64_t each) {
    const auto all = counted();
    return all.size() == keys && std::all_of(all.begin(), all.end(), [&](const auto& entry) {
             const auto& counts = entry.second;
             for (std::size_t i = 0; i < counts.size(); ++i)
               if (counts[i] != static_cast<std::int64_t>(i) + 1) return false;
             return counts.size() == static_cast<std::size_t>(each);
           });
  }
};

}  // namespace eventy::actors
