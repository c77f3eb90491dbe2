// A counter of clicks on the memory store, driven step by step, and what a reader of the store sees of it.
#pragma once

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <functional>
#include <mutex>
#include <sstream>

#include "../../support/local_node.hpp"
#include "../../support/topic_log.hpp"
#include "eventy/service.hpp"
#include "eventy/store/memory_store.hpp"
#include "eventy/testing/plain_format.hpp"
#include "eventy/testing/virtual_clock.hpp"

namespace eventy::counting {

using eventy::testing::LocalService;

struct Clicked {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:web", "Clicked", "1.0.0">;
};
struct Counted {
  std::string how;
  std::int64_t n = 0;
  EVENTY_FIELDS(how, n);
  using record = Event<"urn:counter", "Counted", "1.0.0">;
};
struct Tally {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
};

struct Busy : std::runtime_error {
  using runtime_error::runtime_error;
};

// Calls back with each line of a log.
class Listener final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit Listener(std::function<void(std::string_view)> hear) : hear_(std::move(hear)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& line) override {
    hear_({line.payload.data(), line.payload.size()});
  }
  void flush_() override {}
  std::function<void(std::string_view)> hear_;
};

struct Seen {
  std::string uuid, how;
  std::int64_t n;
};

// A key in the other one of two partitions.
inline std::string key_beside(const std::string& key) {
  std::string other = "b0";
  while (partition_of(other, 2) == partition_of(key, 2)) other += 'x';
  return other;
}

class Fixture {
 public:
  explicit Fixture(Service service, std::uint32_t partitions = 1, BridgeOptions bridge = {},
                   ParkingLimits limits = {})
      : parking(limits), partitions_(partitions), bridge_(bridge) {
    store.ensure_topics({{"web-events", partitions}}).value();
    node = make(std::move(service), "node");
  }
  std::unique_ptr<LocalService> make(Service service, std::string name) {
    return std::make_unique<LocalService>(store, std::move(service), options(), bridge_, clock, partitions_,
                                          std::move(name));
  }
  RuntimeOptions options() const {
    return {.serializer = testing::plain_serializer(),
            .state_format = testing::plain_state_format(),
            .parking = parking,
            .log = log};
  }
  void click(std::int64_t n, const std::string& key = "ann") {
    Record record(Kind::event, "urn:web", "Clicked", "urn:web");
    record.set_partition_key(key);
    record.data = {{"n", Value{n}}};
    const auto encoder = testing::plain_serializer()->make_encoder();
    store.append("web-events", {{.key = key, .value = encode(record, *encoder)}}).value();
  }
  // What a reader of committed records finds in counter-events.
  std::vector<Seen> seen() {
    std::vector<Seen> out;
    const auto decoder = testing::plain_serializer()->make_decoder();
    for (std::uint32_t p = 0; p < partitions_; ++p) {
      for (const auto& line : support::log_of(store, "counter-events", p)) {
        const Record record = decode(line.value, *decoder);
        out.push_back({record.uuid(), std::get<std::string>(record.data.at(0).second.is),
                       std::get<std::int64_t>(record.data.at(1).second.is)});
      }
    }
    return out;
  }
  std::int64_t state(const std::string& key = "ann") {
    std::int64_t n = 0;
    for_each_state<Tally>(store, *testing::plain_state_format(), "counter",
                          [&](PartitionId, std::string_view k, const Tally& t) {
                            if (k == key) n = t.n;
                          })
        .value();
    return n;
  }
  void commit() {  // what is in hand, by time
    clock.advance(Duration(100));
    node->poll(), node->poll();
  }
  void at_each_line(std::function<void(std::string_view)> hear) {
    log->sinks().push_back(std::make_shared<Listener>(std::move(hear)));
    log->set_level(spdlog::level::trace);
  }
  void settle(int rounds = 12) {
    for (int i = 0; i < rounds; ++i) node->round(), clock.advance(Duration(30));
  }

  ParkingLimits parking;
  MemoryStore store;
  testing::VirtualClock clock;
  std::ostringstream lines;
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines));
  std::unique_ptr<LocalService> node;

 private:
  std::uint32_t partitions_;
  BridgeOptions bridge_;
};

}  // namespace eventy::counting
