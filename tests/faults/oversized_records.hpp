// One record of each kind that is too large, alone in a stream of good ones: its key, the state, the output
// and the parked row that it makes, the response that has to be forwarded. Each store's test runs it with
// limits of about 100,000 bytes. What is too large becomes a dead letter, all else is handled exactly once,
// and no session and no partition ends; what ends one is thrown.
#pragma once

#include "conformance/driver.hpp"
#include "eventy/core/serializer.hpp"
#include "eventy/service.hpp"
#include "eventy/testing/plain_format.hpp"
#include "support/local_node.hpp"

#include "caf/test/unit_test.hpp"

#include <thread>

namespace eventy::faults::oversized {

inline constexpr std::uint32_t partitions = 2;
inline constexpr std::size_t too_large = 150'000;  // bytes, over every limit of the stores
inline constexpr std::int64_t keys = 7, rounds = 20;

struct Given {
  std::int64_t n = 0, grow = 0, say = 0;  // bytes for the state, and for the output
  bool refuse = false;
  std::string text = {};
  EVENTY_FIELDS(n, grow, say, refuse, text);
  using record = Event<"urn:source", "Given", "1.0.0">;
};
struct Answer {
  std::int64_t n = 0;
  std::string text = {};
  EVENTY_FIELDS(n, text);
  using record = Response<"urn:other", "Answer", "1.0.0">;
};
struct Counted {
  std::string key;
  std::int64_t count = 0;
  std::string text = {};
  EVENTY_FIELDS(key, count, text);
  using record = Event<"urn:sizes", "Counted", "1.0.0">;
};
struct Tally {
  std::int64_t count = 0;
  std::string text = {};
  EVENTY_FIELDS(count, text);
};
struct Refused : std::runtime_error {
  using runtime_error::runtime_error;
};

inline Service sizes() {
  const auto count = [](Turn<Tally>& turn, std::size_t say) {
    turn.emit(Counted{std::string(turn.key()), ++turn.edit().count, std::string(say, 'x')});
  };
  return service<Tally>("sizes")
      .on(exactly_once,
          [count](Turn<Tally>& turn, const Given& given) {
            if (given.refuse) throw Refused("not this one");
            turn.edit().text.append(static_cast<std::size_t>(given.grow), 'x');
            count(turn, static_cast<std::size_t>(given.say));
          })
      .on(exactly_once, [count](Turn<Tally>& turn, const Reply<Answer>&) { count(turn, 0); })
      .on_failure<Refused>({.then = FinalAction::park_key});
}

inline std::string encoded(const Record& record) {
  return encode(record, *testing::plain_serializer()->make_encoder());
}

// The streams: good records of some keys, and in the midst of them the large ones, each of a key of its own.
class Streams {
 public:
  explicit Streams(RecordStore& store) : store_(store) {}

  void write() {
    for (std::int64_t round = 0; round < rounds; ++round) {
      for (std::int64_t k = 0; k < keys; ++k) give({.n = k}, "key-" + std::to_string(k));
      answer("key-0", 10);
      if (round != rounds / 2) continue;
      give({}, std::string(70'000, 'k'));
      give({.grow = too_large}, "state");
      give({.say = too_large}, "output");
      give({.refuse = true, .text = std::string(too_large, 'x')}, "row");
      answer("answer", too_large);
    }
  }
  static constexpr std::size_t large = 5;
  static std::int64_t wanted(const std::string& key) { return key == "key-0" ? 2 * rounds : rounds; }

 private:
  void give(const Given& given, const std::string& key) {
    Record record(Kind::event, "urn:source", "Given", "urn:source");
    record.set_partition_key(key);
    record.data = {{"n", Value{given.n}},
                   {"grow", Value{given.grow}},
                   {"say", Value{given.say}},
                   {"refuse", Value{given.refuse}},
                   {"text", Value{given.text}}};
    store_.append("source-events", {{.key = key, .value = encoded(record)}}).value();
  }
  // Of a request of this service, in a partition where its key does not belong, so that it is forwarded.
  void answer(const std::string& key, std::size_t size) {
    Record record(Kind::response, "urn:other", "Answer", "urn:other");
    const std::string request = record.uuid();
    record.set_destination("urn:sizes").set_request_uuid(request);
    record.context["urn:sizes"]["request:" + request] = key;
    record.data = {{"n", Value{std::int64_t{0}}}, {"text", Value{std::string(size, 'x')}}};
    const PartitionId home = partition_of(key, partitions, Partitioner::crc32);
    store_
        .append("other-responses",
                {{.value = encoded(record), .partition = PartitionId{(home.value + 1) % partitions}}})
        .value();
  }

  RecordStore& store_;
};

inline std::vector<std::string> reasons(RecordStore& store) {
  std::vector<std::string> all;
  for (std::uint32_t p = 0; p < partitions; ++p)
    for (const auto& letter : conformance::log_of(store, "sizes-dead-letters", p))
      for (const auto& [name, value] : letter.headers)
        if (name == dead_letter::reason) all.push_back(value);
  return all;
}

// What was counted of each key, in order.
inline std::map<std::string, std::vector<std::int64_t>> counted(RecordStore& store) {
  std::map<std::string, std::vector<std::int64_t>> all;
  const auto decoder = testing::plain_serializer()->make_decoder();
  for (std::uint32_t p = 0; p < partitions; ++p)
    for (const auto& text : conformance::values_in(store, "sizes-events", p)) {
      const Record record = decode(text, *decoder);
      all[std::get<std::string>(record.data.at(0).second.is)].push_back(
          std::get<std::int64_t>(record.data.at(1).second.is));
    }
  return all;
}

inline void run(RecordStore& store) {
  store.ensure_topics({{"source-events", partitions}, {"other-responses", partitions}}).value();
  Streams(store).write();
  const SystemClock clock;
  testing::LocalService node(
      store, sizes(),
      {.serializer = testing::plain_serializer(), .state_format = testing::plain_state_format()}, {}, clock,
      partitions);
  const std::size_t all = static_cast<std::size_t>(rounds * keys + rounds);
  const auto deadline = std::chrono::steady_clock::now() + conformance::patience;
  std::size_t seen = 0;
  while ((seen < all || reasons(store).size() < Streams::large) &&
         std::chrono::steady_clock::now() < deadline) {
    for (int i = 0; i < 50; ++i) node.round(), std::this_thread::sleep_for(std::chrono::milliseconds(1));
    seen = 0;
    for (const auto& [key, counts] : counted(store)) seen += counts.size();
  }
  const auto found = counted(store);
  CAF_CHECK_EQUAL(found.size(), static_cast<std::size_t>(keys));
  for (const auto& [key, counts] : found) {
    CAF_CHECK_EQUAL(counts.size(), static_cast<std::size_t>(Streams::wanted(key)));
    for (std::size_t i = 0; i < counts.size(); ++i)
      CAF_CHECK_EQUAL(counts[i], static_cast<std::int64_t>(i + 1));
  }
  const auto why = reasons(store);
  CAF_REQUIRE_EQUAL(why.size(), Streams::large);
  for (const char* text : {"a key of 70000 bytes", "a state of 15", "an output of 15", "not this one",
                           "bytes is over what its topic takes"})
    CAF_CHECK(std::any_of(why.begin(), why.end(), [&](const auto& r) { return r.find(text) != r.npos; }));
}

}  // namespace eventy::faults::oversized
