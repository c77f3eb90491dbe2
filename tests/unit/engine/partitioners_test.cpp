// Topics with partitioners of their own: where outputs go, and whose records may touch state.
#define CAF_SUITE engine_partitioners

#include <caf/test/unit_test.hpp>

#include "../../support/local_node.hpp"
#include "eventy/service.hpp"
#include "eventy/store/memory_store.hpp"
#include "eventy/testing/plain_format.hpp"
#include "eventy/testing/virtual_clock.hpp"

namespace {

using namespace eventy;
using eventy::testing::LocalService;
using Partitioners = std::map<std::string, Partitioner>;

struct Clicked {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:web", "Clicked", "1.0.0">;
};
struct Counted {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:counter", "Counted", "1.0.0">;
};
struct Tally {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
};

constexpr std::uint32_t partitions = 8;

struct World {
  testing::VirtualClock clock;
  MemoryStore store;
  std::unique_ptr<LocalService> node = {};

  static Service counter() {
    return service<Tally>("counter").on(exactly_once, [](Turn<Tally>& turn, const Clicked& c) {
      turn.edit().n += c.n;
      turn.emit(Counted{turn.edit().n});
    });
  }
  static Service echo() {
    return service<>("counter").on(exactly_once, [](Turn<NoState>& turn, const Clicked& c) {
      turn.emit(Counted{c.n}, {.key = std::string_view("")});
    });
  }
  void start(const Service& service, Partitioners partitioners) {
    store.ensure_topics({{"web-events", partitions}}).value();
    RuntimeOptions options{.serializer = testing::plain_serializer(),
                           .state_format = testing::plain_state_format()};
    options.partitioners = std::move(partitioners);
    node = std::make_unique<LocalService>(store, service, options, BridgeOptions{}, clock, partitions);
  }
  void click(const std::string& key, Partitioner by) {
    Record record(Kind::event, "urn:web", "Clicked", "urn:web");
    record.set_partition_key(key);
    record.data = {{"n", Value{std::int64_t{1}}}};
    const auto encoder = testing::plain_serializer()->make_encoder();
    (void)store
        .append(
            "web-events",
            {{.key = key, .value = encode(record, *encoder), .partition = partition_of(key, partitions, by)}})
        .value();
  }
  void settle() {
    for (int i = 0; i < 20; ++i) node->round(), clock.advance(Duration(200));
  }
  // Keys of a topic's records, with their partitions.
  std::vector<std::pair<std::string, PartitionId>> places(const std::string& topic) {
    std::vector<std::pair<std::string, PartitionId>> out;
    for (std::uint32_t p = 0; p < partitions; ++p) {
      const auto reader = store.read(topic, {p}, {0}).value();
      for (auto batch = reader->next({}).value(); !batch->records.empty(); batch = reader->next({}).value())
        for (const auto& r : batch->records) out.emplace_back(r.key.value_or("none"), PartitionId{p});
    }
    return out;
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(world, World)

CAF_TEST(records lie and are handled where the partitioner of the topic says) {
  start(counter(), {{"web-events", Partitioner::murmur2},
                    {"counter-requests", Partitioner::murmur2},
                    {"counter-events", Partitioner::fnv1a}});
  for (int i = 0; i < 50; ++i) click("key-" + std::to_string(i), Partitioner::murmur2);
  settle();
  const auto out = places("counter-events");
  CAF_CHECK_EQUAL(out.size(), 50u);
  for (const auto& [key, partition] : out)
    CAF_CHECK(partition == partition_of(key, partitions, Partitioner::fnv1a));
  CAF_CHECK(places("counter-dead-letters").empty());
}

CAF_TEST(a record that another partitioner placed never touches state) {
  start(counter(), {{"web-events", Partitioner::murmur2}, {"counter-requests", Partitioner::murmur2}});
  std::size_t elsewhere = 0;
  for (int i = 0; i < 50; ++i) {
    const std::string key = "key-" + std::to_string(i);
    click(key, Partitioner::crc32);
    elsewhere += partition_of(key, partitions, Partitioner::crc32) !=
                 partition_of(key, partitions, Partitioner::murmur2);
  }
  settle();
  CAF_CHECK(elsewhere > 30);
  CAF_CHECK_EQUAL(places("counter-dead-letters").size(), elsewhere);
  CAF_CHECK_EQUAL(places("counter-events").size(), 50 - elsewhere);
}

CAF_TEST(a service with state refuses inputs of different partitioners) {
  std::string why;
  try {
    start(counter(), {{"web-events", Partitioner::murmur2}});
  } catch (const std::invalid_argument& e) {
    why = e.what();
  }
  CAF_CHECK(why.find("counter-requests has crc32 and web-events has murmur2") != std::string::npos);
}

CAF_TEST(one without state takes any) {
  start(echo(), {{"web-events", Partitioner::murmur2}});
  click("ann", Partitioner::murmur2);
  settle();
  CAF_CHECK_EQUAL(places("counter-events").size(), 1u);
}

CAF_TEST(an empty key is none for crc32 and a place for the others) {
  for (const auto by : {Partitioner::crc32, Partitioner::murmur2, Partitioner::fnv1a}) {
    World other;
    other.start(echo(), {{"counter-events", by}});
    for (int i = 0; i < 40; ++i) other.click("key-" + std::to_string(i), Partitioner::crc32);
    other.settle();
    std::set<PartitionId> used;
    for (const auto& place : other.places("counter-events")) used.insert(place.second);
    CAF_CHECK_EQUAL(used.size() > 1, by == Partitioner::crc32);
    if (by != Partitioner::crc32) CAF_CHECK(used.contains(partition_of("", partitions, by)));
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
