// Waits and decisions go by the monotonic clock, dates by the wall clock: each is moved alone.
#define CAF_SUITE engine_clocks

#include <caf/test/unit_test.hpp>

#include "counter_fixture.hpp"
#include "eventy/engine/cycle.hpp"

namespace {

using namespace eventy;
using namespace eventy::counting;
using namespace std::chrono_literals;

// Fails as often as told.
Service fails(std::shared_ptr<int> times, Duration wait) {
  return service<Tally>("counter")
      .on(exactly_once,
          [times](Turn<Tally>& turn, const Clicked& c) {
            turn.edit().n += c.n;
            if ((*times)-- > 0) throw Busy("not now");
          })
      .on_failure<Busy>({.retry = {.times = 9, .first = wait, .max = wait}});
}
constexpr std::chrono::nanoseconds jumps[] = {-2h, 2h};

}  // namespace

CAF_TEST(a_virtual_clock_moves_both_its_clocks_or_each_alone) {
  testing::VirtualClock clock;
  const auto now = clock.now();
  const auto wall = clock.wall();
  clock.advance(1'500us);
  CAF_CHECK(clock.now() - now == 1'500us && clock.wall() - wall == 1'500us);
  clock.set_wall(-2h);
  CAF_CHECK(clock.now() - now == 1'500us && clock.wall() - wall == 1'500us - 2h);
  clock.advance_monotonic(1s);
  CAF_CHECK(clock.now() - now == 1'001'500us && clock.wall() - wall == 1'500us - 2h);
}

CAF_TEST(a_cycle_is_due_to_the_microsecond) {
  CommitCycles cycles({.interval = 10ms});
  cycles.open_task(TaskId{{0}}, {1});
  const MonotonicTime begun(1s + 700us);
  cycles.add({.task = {{0}}, .epoch = {1}, .number = {1}}, begun);
  CAF_CHECK(cycles.due_at() == begun + 10ms);
  CAF_CHECK(!cycles.due(begun + 9'999us));
  CAF_CHECK(cycles.due(begun + 10ms));
}

CAF_TEST(a_date_that_is_set_keeps_no_commit_waiting) {
  for (const auto jump : jumps) {
    Fixture f(fails(std::make_shared<int>(0), 100ms));
    f.settle();
    f.click(1);
    f.node->round();
    f.clock.set_wall(jump);
    f.commit();
    CAF_CHECK_EQUAL(f.state(), 1);
  }
}

CAF_TEST(a_date_that_is_set_makes_no_retry_early_or_late) {
  for (const auto jump : jumps) {
    const auto times = std::make_shared<int>(1);
    Fixture f(fails(times, 400ms));
    f.settle();
    f.click(1);
    f.node->round();
    f.clock.set_wall(jump);
    f.clock.advance(399ms);
    f.node->round();
    CAF_CHECK_EQUAL(*times, 0);
    f.clock.advance(150ms);  // with its jitter
    f.node->round(), f.commit();
    CAF_CHECK_EQUAL(*times, -1);
    CAF_CHECK_EQUAL(f.state(), 1);
  }
}

CAF_TEST(a_retry_that_waits_through_a_restart_is_due_by_the_date) {
  const auto times = std::make_shared<int>(1);
  Fixture f(fails(times, 60s));
  f.settle();
  f.click(1);
  f.node->round(), f.commit();
  f.clock.advance(10s);
  f.node->crash(0);
  f.clock.advance(10s);
  f.node->start_again(0);
  f.settle();
  f.clock.advance(30s);  // of 60 s and their jitter, 50 s are over
  f.settle();
  CAF_CHECK_EQUAL(*times, 0);
  f.clock.advance(26s);
  f.settle();
  CAF_CHECK_EQUAL(*times, -1);
}

CAF_TEST(a_retry_that_waits_through_a_restart_is_not_kept_for_hours_by_a_date_that_is_set_back) {
  const auto times = std::make_shared<int>(1);
  Fixture f(fails(times, 60s));
  f.settle();
  f.click(1);
  f.node->round(), f.commit();
  f.node->crash(0);
  f.clock.set_wall(-2h);
  f.node->start_again(0);
  f.settle();
  CAF_CHECK_EQUAL(*times, 0);
  f.clock.advance(120s);
  f.settle();
  CAF_CHECK_EQUAL(*times, -1);
  CAF_CHECK_EQUAL(f.state(), 1);
}
