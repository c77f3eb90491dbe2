// The metrics of a service: what readers see of them, and that they outlive the tasks which count.
#define CAF_SUITE engine_metrics
#include "eventy/engine/metrics.hpp"

#include <caf/test/unit_test.hpp>

#include "counter_fixture.hpp"
#include "eventy/engine/source_engine.hpp"

namespace eventy {
namespace {

constexpr PartitionId zero{0}, one{1};

// Each counter of a partition at another number, so that no figure can stand in for another.
void count_all(PartitionMetrics& m, std::uint64_t times) {
  std::uint64_t number = 0;
  for (Counter* c : {&m.records, &m.turns, &m.failed_turns, &m.retries, &m.dead_letters, &m.dropped,
                     &m.parked, &m.released, &m.pauses})
    c->add(++number * times);
}

}  // namespace

CAF_TEST(a_counter_only_goes_up_and_a_gauge_is_set) {
  Counter counter;
  counter.add();
  counter.add(41);
  CAF_CHECK_EQUAL(counter.value(), 42u);
  Gauge gauge;
  gauge.set(7);
  gauge.set(3);
  CAF_CHECK_EQUAL(gauge.value(), 3u);
}

CAF_TEST(a_snapshot_has_the_figures_of_each_partition_and_their_sums) {
  ServiceMetrics metrics("counter");
  count_all(*metrics.partition(zero), 1);
  count_all(*metrics.partition(one), 10);
  const ServiceCounts counts = metrics.snapshot();
  CAF_CHECK_EQUAL(counts.service, "counter");
  CAF_CHECK_EQUAL(counts.by_partition.size(), 2u);
  CAF_CHECK(counts.by_partition.at(zero) == PartitionStats({1, 2, 3, 4, 5, 6, 7, 8, 9}));
  CAF_CHECK(counts.by_partition.at(one) == PartitionStats({10, 20, 30, 40, 50, 60, 70, 80, 90}));
  CAF_CHECK(counts.of_partitions == PartitionStats({11, 22, 33, 44, 55, 66, 77, 88, 99}));
}

CAF_TEST(a_snapshot_has_the_figures_of_sources_bridge_and_supervision) {
  ServiceMetrics metrics("counter");
  metrics.source({zero, 0})->records.add(3);
  metrics.source({zero, 1})->records.add(4);
  metrics.source({zero, 1})->dead_letters.add();
  std::uint64_t number = 0;
  auto& b = *metrics.bridge();
  for (Counter* c : {&b.cycles, &b.aborted, &b.records, &b.stale_slices, &b.rewinds, &b.restored})
    c->add(++number);
  b.restoring.set(7), b.to_restore.set(8);
  auto& s = metrics.supervision();
  for (Counter* c : {&s.partition_restarts, &s.source_restarts, &s.bridge_restarts, &s.service_restarts,
                     &s.escalations, &s.slow_handlers, &s.stuck_handlers})
    c->add(++number);
  metrics.count_failure("io");
  metrics.count_failure("io");
  const ServiceCounts counts = metrics.snapshot();
  CAF_CHECK(counts.of_sources == SourceStats({7, 1}));
  CAF_CHECK(counts.of_bridge == BridgeStats({1, 2, 3, 4, 5, 6, 7, 8}));
  CAF_CHECK(static_cast<const SupervisionStats&>(counts) == SupervisionStats({7, 8, 9, 10, 11, 12, 13}));
  CAF_CHECK(counts.failures == (std::map<std::string, std::uint64_t>{{"io", 2}}));
}

CAF_TEST(a_task_that_starts_again_gets_the_metrics_of_its_predecessor) {
  ServiceMetrics metrics("counter");
  for (int starts = 0; starts < 3; ++starts) metrics.partition(one)->records.add(5);
  for (int starts = 0; starts < 3; ++starts) metrics.source({one, 0})->records.add(5);
  CAF_CHECK_EQUAL(metrics.snapshot().by_partition.at(one).records, 15u);
  CAF_CHECK_EQUAL(metrics.snapshot().of_sources.records, 15u);
}

}  // namespace eventy
