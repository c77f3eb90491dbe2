// What is told of a restore, and when, by the clock that it is told.
#define CAF_SUITE engine_restores
#include "eventy/engine/restores.hpp"

#include <caf/test/unit_test.hpp>

namespace eventy {
namespace {

struct Timed {
  Restores restores{{.quiet = Duration(1000), .interval = Duration(5000)}};
  MonotonicTime now = MonotonicTime(Duration(1'800'000'000'000));
  std::string after(int ms) {
    now += Duration(ms);
    return restores.line(now).value_or("");
  }
  void begin(std::uint32_t partitions) {
    std::vector<PartitionId> all;
    for (std::uint32_t p = 0; p < partitions; ++p) all.push_back({p});
    restores.begin(all, now);
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(timed, Timed)

CAF_TEST(a_short_restore_is_not_worth_a_line) {
  begin(2);
  restores.progress({0}, 10, 10);
  CAF_CHECK_EQUAL(after(900), "");
  restores.restored({0}), restores.restored({1});
  CAF_CHECK_EQUAL(after(99), "");
  CAF_CHECK_EQUAL(after(5000), "");
}

CAF_TEST(a_long_restore_is_told_of_at_once_and_then_now_and_then_and_at_its_end) {
  begin(2);
  restores.progress({0}, 0, 3000), restores.progress({1}, 0, 1000);
  CAF_CHECK_EQUAL(after(999), "");
  CAF_CHECK_EQUAL(after(1), "restoring states: 2 of 2 partitions left, 0 of 4000 changelog records read");
  restores.progress({0}, 2000, 3000);
  CAF_CHECK_EQUAL(after(4999), "");
  restores.progress({1}, 1000, 1000), restores.restored({1});
  CAF_CHECK_EQUAL(
      after(1),
      "restoring states: 1 of 2 partitions left, 3000 of 4000 changelog records read, 500 a second");
  CAF_CHECK_EQUAL(after(1), "");
  restores.progress({0}, 3000, 3000), restores.restored({0});
  CAF_CHECK_EQUAL(after(2000), "restored the states of 2 partitions: 4000 changelog records in 8.0 s");
  CAF_CHECK_EQUAL(after(9000), "");
}

CAF_TEST(each_restore_has_lines_of_its_own) {
  for (int i = 0; i < 2; ++i) {
    begin(1);
    CAF_CHECK_EQUAL(after(500), "");
    CAF_CHECK_EQUAL(after(500), "restoring states: 1 of 1 partition left");
    restores.progress({0}, 1, 1), restores.restored({0});
    CAF_CHECK_EQUAL(after(500), "restored the states of 1 partition: 1 changelog record in 1.5 s");
  }
}

CAF_TEST(partitions_that_go_to_another_node_are_waited_for_no_longer) {
  begin(2);
  restores.progress({0}, 5, 10), restores.progress({1}, 5, 10);
  CAF_CHECK_NOT_EQUAL(after(1000), "");
  restores.gone({0});
  CAF_CHECK_EQUAL(restores.partitions(), 1u);
  CAF_CHECK_EQUAL(restores.records_left(), 5u);
  restores.gone({1});
  CAF_CHECK_EQUAL(after(1), "restoring states: given up, for the partitions have gone to another node");
  CAF_CHECK_EQUAL(after(9000), "");
}

CAF_TEST(figures_say_what_is_left_and_what_was_read_since_the_beginning) {
  begin(2);
  CAF_CHECK_EQUAL(restores.partitions(), 2u);
  restores.progress({0}, 0, 100), restores.progress({1}, 0, 100);
  restores.progress({0}, 60, 100);
  CAF_CHECK_EQUAL(restores.records_left(), 140u);
  CAF_CHECK_EQUAL(restores.records(), 60u);
  restores.progress({0}, 100, 100), restores.restored({0});
  restores.progress({1}, 100, 100), restores.restored({1});
  CAF_CHECK_EQUAL(after(0), "");
  CAF_CHECK_EQUAL(restores.partitions(), 0u);
  CAF_CHECK_EQUAL(restores.records_left(), 0u);
  begin(1);
  restores.progress({0}, 7, 7);
  CAF_CHECK_EQUAL(restores.records(), 207u);
}

CAF_TEST_FIXTURE_SCOPE_END()

}  // namespace eventy
