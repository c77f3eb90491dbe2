// Topics with partitioners of their own: where outputs go, whose records may touch state, and what becomes of
// a topic whose records lie by another one.
#define CAF_SUITE engine_partitioners

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <caf/test/unit_test.hpp>

#include <sstream>

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
  std::ostringstream lines = {};
  MisplacedLimits misplaced = {};
  BridgeOptions bridge = {};
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
    options.misplaced = misplaced;
    lines.str("");
    options.log =
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines));
    node.reset();  // a session of its own, before the next one
    node = std::make_unique<LocalService>(store, service, options, bridge, clock, partitions);
  }
  void click(const std::string& key, Partitioner by) { click(key, partition_of(key, partitions, by)); }
  void click(const std::string& key, PartitionId partition) {
    Record record(Kind::event, "urn:web", "Clicked", "urn:web");
    record.set_partition_key(key);
    record.data = {{"n", Value{std::int64_t{1}}}};
    const auto encoder = testing::plain_serializer()->make_encoder();
    (void)store
        .append("web-events", {{.key = key, .value = encode(record, *encoder), .partition = partition}})
        .value();
  }
  void settle(int rounds = 20) {
    for (int i = 0; i < rounds; ++i) node->round(), clock.advance(Duration(200));
  }
  // The i-th key that belongs to the partition by crc32.
  static std::string key_of(PartitionId partition, int i) {
    std::string key = "key-" + std::to_string(i);
    while (partition_of(key, partitions) != partition) key += 'x';
    return key;
  }
  Offset first_misplaced(PartitionId p) {
    const auto batch = store.read("web-events", p, {0}).value()->next({}).value();
    for (const auto& r : batch->records)
      if (partition_of(*r.key, partitions) != p) return r.offset;
    return batch->next;
  }
  bool says(const std::string& text) const { return lines.str().find(text) != std::string::npos; }
  std::size_t pauses_told() const {
    const std::string all = lines.str(), text = "the partition pauses at ";
    std::size_t count = 0;
    for (auto at = all.find(text); at != all.npos; at = all.find(text, at + 1)) ++count;
    return count;
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

CAF_TEST(records_lie_and_are_handled_where_the_partitioner_of_the_topic_says) {
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

CAF_TEST(a_record_that_another_partitioner_placed_never_touches_state) {
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

CAF_TEST(a_topic_of_another_partitioner_is_not_read_and_its_name_is_said) {
  start(counter(), {});
  for (int i = 0; i < 1000; ++i) click("key-" + std::to_string(i), Partitioner::murmur2);
  settle();
  CAF_CHECK(places("counter-dead-letters").empty());
  CAF_CHECK(places("counter-events").size() < 50u);
  for (std::uint32_t p = 0; p < partitions; ++p) {
    const Offset first_wrong = first_misplaced({p});
    CAF_CHECK_EQUAL(store.position("counter", "web-events", {p}).value().value, first_wrong.value);
    CAF_CHECK(says("the partition pauses at web-events/" + std::to_string(p) + "@" +
                   std::to_string(first_wrong.value) + ", next try in 1000 ms: "));
  }
  CAF_CHECK(
      says(" of topic web-events belong to other partitions by crc32, and all of these belong to this "
           "one by murmur2 (the default of Java clients). Set [partitioners] \"web-events\" = \"murmur2\""));
  CAF_CHECK_EQUAL(pauses_told(), partitions);
}

CAF_TEST(it_goes_on_when_the_configuration_is_right) {
  start(counter(), {});
  for (int i = 0; i < 1000; ++i) click("key-" + std::to_string(i), Partitioner::murmur2);
  settle();
  start(counter(), {{"web-events", Partitioner::murmur2}, {"counter-requests", Partitioner::murmur2}});
  settle();
  CAF_CHECK(places("counter-dead-letters").empty());
  CAF_CHECK_EQUAL(places("counter-events").size(), 1000u);
  CAF_CHECK(says("the partition goes on at web-events/"));
}

CAF_TEST(a_restart_that_sees_few_of_them_pauses_as_before_and_says_so_again) {
  start(counter(), {});
  for (int i = 0; i < 1000; ++i) click("key-" + std::to_string(i), Partitioner::murmur2);
  settle();
  bridge = {.poll = {.max_records_per_batch = 1}, .max_batches_in_flight = 1};
  start(counter(), {});
  settle();
  CAF_CHECK(places("counter-dead-letters").empty());
  CAF_CHECK_EQUAL(pauses_told(), partitions);
}

CAF_TEST(where_they_come_one_by_one_few_become_dead_letters) {
  start(counter(), {});
  for (int i = 0; i < 200; ++i) click(key_of({1}, i), {1}), settle(2);  // a long time of good ones
  for (int i = 0; i < 60; ++i) click(key_of({0}, i), {1}), settle(2);
  settle();
  const auto letters = places("counter-dead-letters").size();
  CAF_CHECK(letters >= 9);
  CAF_CHECK(letters < 20);
  CAF_CHECK_EQUAL(pauses_told(), 1u);
}

CAF_TEST(an_undone_cycle_counts_nobody_twice) {
  start(counter(), {});
  for (int i = 0; i < 8; ++i) click(key_of({0}, i), {1});
  for (int i = 0; i < 5; ++i) {
    store.next_commit("counter", MemoryStore::CommitFate::aborts);
    settle();
  }
  CAF_CHECK_EQUAL(places("counter-dead-letters").size(), 8u);
  CAF_CHECK_EQUAL(pauses_told(), 0u);
}

CAF_TEST(strays_among_good_ones_stay_dead_letters) {
  start(counter(), {});
  for (int i = 0; i < 400; ++i) {
    click(key_of({1}, i), {1});
    if (i % 10 == 0) click(key_of({0}, i), {1});
  }
  settle();
  CAF_CHECK_EQUAL(places("counter-dead-letters").size(), 40u);
  CAF_CHECK_EQUAL(places("counter-events").size(), 400u);
  CAF_CHECK_EQUAL(pauses_told(), 0u);
}

CAF_TEST(where_no_known_partitioner_fits_none_is_named) {
  start(counter(), {});
  for (int i = 0; i < 100; ++i) click("key-" + std::to_string(i), {1});
  settle();
  CAF_CHECK(places("counter-dead-letters").empty());
  CAF_CHECK(says(" by crc32. Set [partitioners] \"web-events\" = the partitioner of its producers"));
}

CAF_TEST(they_become_dead_letters_where_somebody_has_said_so) {
  start(counter(), {});
  for (int i = 0; i < 1000; ++i) click("key-" + std::to_string(i), Partitioner::murmur2);
  settle();
  misplaced.records = 0;
  start(counter(), {});
  settle();
  CAF_CHECK(places("counter-dead-letters").size() > 800u);
  CAF_CHECK_EQUAL(places("counter-events").size() + places("counter-dead-letters").size(), 1000u);
}

CAF_TEST(a_service_with_state_refuses_inputs_of_different_partitioners) {
  std::string why;
  try {
    start(counter(), {{"web-events", Partitioner::murmur2}});
  } catch (const std::invalid_argument& e) {
    why = e.what();
  }
  CAF_CHECK(why.find("counter-requests has crc32 and web-events has murmur2") != std::string::npos);
}

CAF_TEST(one_without_state_takes_any) {
  start(echo(), {{"web-events", Partitioner::murmur2}});
  click("ann", Partitioner::murmur2);
  settle();
  CAF_CHECK_EQUAL(places("counter-events").size(), 1u);
}

CAF_TEST(an_empty_key_is_none_for_crc32_and_a_place_for_the_others) {
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
