// A simulated cluster as a user of the library has it: the counter on three nodes that fail.
#define CAF_SUITE simulation

#include "eventy/testing/simulation.hpp"

#include <caf/test/unit_test.hpp>

#include "eventy/json/json.hpp"
#include "eventy/service.hpp"
#include "eventy/testing/plain_format.hpp"

namespace {

using namespace eventy;
using eventy::testing::Simulation;
using eventy::testing::SimulationFaults;

struct Clicked {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:web", "Clicked", "1.0.0">;
};
struct Tally {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
};

Service counter(std::function<void(const Clicked&)> before = [](const Clicked&) {}) {
  return service<Tally>("counter").on<Clicked>(exactly_once, [before](Turn<Tally>& turn, const Clicked& c) {
    before(c);
    turn.edit().n += c.n;
  });
}

void click(Simulation& simulation, int times,
           const std::shared_ptr<const Serializer>& format = testing::plain_serializer()) {
  std::vector<NewRecord> records;
  const auto encoder = format->make_encoder();
  for (int i = 0; i < times; ++i) {
    const std::string key = "k" + std::to_string(i % 10);
    Record record(Kind::event, "urn:web", "Clicked", "urn:web");
    record.set_partition_key(key);
    record.data = {{"n", Value{std::int64_t{1}}}};
    records.push_back({.key = key, .value = encode(record, *encoder)});
  }
  simulation.store().append("web-events", records).value();
}

std::int64_t counted(Simulation& simulation) {
  std::int64_t sum = 0;
  for_each_state<Tally>(simulation.store(), *testing::plain_state_format(), "counter",
                        [&](PartitionId, std::string_view, const Tally& t) { sum += t.n; })
      .value();
  return sum;
}

constexpr SimulationFaults bad_day{
    .store = {.aborts = 0.1, .unknown = 0.1}, .die = 0.002, .move_partition = 0.02, .crash_task = 0.01};

}  // namespace

CAF_TEST(a_service_counts_every_record_once_while_everything_fails) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Simulation simulation({.seed = seed, .nodes = 3, .faults = bad_day});
    simulation.add(counter(), 4);
    click(simulation, 500);
    simulation.run(2'000);
    simulation.heal();
    CAF_REQUIRE_EQUAL(simulation.settle().value_or("settled"), "settled");
    CAF_CHECK_EQUAL(counted(simulation), 500);
  }
}

CAF_TEST(a_topic_of_another_format_is_counted_as_well) {
  testing::SimulationOptions options{.nodes = 2};
  options.runtime.serializers = {{"web-events", json::serializer()}};
  Simulation simulation(std::move(options));
  simulation.add(counter(), 2);
  click(simulation, 20, json::serializer());
  CAF_REQUIRE_EQUAL(simulation.settle().value_or("settled"), "settled");
  CAF_CHECK_EQUAL(counted(simulation), 20);
}

CAF_TEST(what_cannot_come_to_rest_is_told) {
  Simulation simulation({.nodes = 1});
  simulation.add(counter([](const Clicked&) { throw Failure({ErrorCode::io, "this never heals"}); }), 1);
  click(simulation, 1);
  CAF_CHECK(simulation.settle({.messages = 10'000}).has_value());
}

CAF_TEST(a_handler_spends_virtual_time) {
  Simulation* running = nullptr;
  Simulation simulation({.nodes = 1});
  running = &simulation;
  simulation.add(counter([&](const Clicked&) { running->spend(std::chrono::minutes(1)); }), 1);
  click(simulation, 3);
  const MonotonicTime begun = simulation.now();
  CAF_CHECK(!simulation.settle().has_value());
  CAF_CHECK(simulation.now() - begun >= std::chrono::minutes(3));
  CAF_CHECK_EQUAL(counted(simulation), 3);
}

CAF_TEST(the_same_seed_takes_the_same_way_and_another_one_another) {
  const auto way = [](std::uint64_t seed) {
    Simulation simulation({.seed = seed, .nodes = 2, .faults = bad_day});
    simulation.add(counter(), 4);
    click(simulation, 50);
    simulation.run(500);
    return simulation.trace().hash();
  };
  CAF_CHECK_EQUAL(way(1), way(1));
  CAF_CHECK_NOT_EQUAL(way(1), way(2));
}
