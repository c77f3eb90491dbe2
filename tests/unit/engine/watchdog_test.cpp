// When handlers that do not return are told of, in virtual time: the handler itself lets the watchdog check.
#define CAF_SUITE engine_watchdog
#include "eventy/engine/watchdog.hpp"

#include <caf/test/unit_test.hpp>

#include <atomic>
#include <thread>

#include "counter_fixture.hpp"

namespace eventy {
namespace {

using counting::Clicked;
using Finding = Watchdog::Finding;

struct Position {
  std::int64_t at = 0;
  EVENTY_FIELDS(at);
};

struct Watched {
  std::shared_ptr<const ServiceRuntime> runtime = std::make_shared<const ServiceRuntime>(
      service<counting::Tally>("slow")
          .on(exactly_once, [](Turn<counting::Tally>&, const Clicked&) {})
          .source<Position>("file", [](Poll<Position>&) {}),
      RuntimeOptions{.serializer = testing::plain_serializer(),
                     .state_format = testing::plain_state_format()});
  Watchdog dog = {};
  std::shared_ptr<TurnWatch> partition = dog.watch(7, runtime, TaskId{{3}}, {Duration(800), Duration(4000)});
  MonotonicTime now = MonotonicTime(Duration(1'000'000));
  std::vector<Watchdog::Report> told = {};
  const std::string topic = "bench-events";
  std::string_view what = "Clicked";

  TurnWatch::Turn turn(std::string_view key = "ann") const { return {&what, &topic, {17}, key}; }
  // As often as the watchdog wants to check.
  std::size_t pass(int ms) {
    told.clear();
    for (const MonotonicTime end = now + Duration(ms); now < end;) {
      now += std::min(dog.interval(), std::chrono::duration_cast<Duration>(end - now));
      for (auto& report : dog.check(now)) told.push_back(std::move(report));
    }
    return told.size();
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(watched, Watched)

CAF_TEST(a_handler_that_returns_is_not_told_of) {
  for (int i = 0; i < 50; ++i) {
    const TurnWatch::Running running(*partition, turn());
    CAF_CHECK_EQUAL(pass(500), 0u);
  }
  CAF_CHECK_EQUAL(pass(10'000), 0u);
}

CAF_TEST(a_slow_handler_is_told_of_once_with_all_that_is_known_and_again_when_it_returns) {
  {
    const TurnWatch::Running running(*partition, turn());
    CAF_CHECK_EQUAL(pass(700), 0u);
    CAF_REQUIRE_EQUAL(pass(400), 1u);
    CAF_CHECK(told[0].finding == Finding::slow);
    CAF_CHECK_EQUAL(told[0].service, 7u);
    CAF_CHECK_EQUAL(
        told[0].text,
        "service slow: partition 3: Clicked on bench-events/3@17, key \"ann\", has not returned for "
        "0.8 s. If it waits for something, declare the service: .blocking() in code, or blocking = true in "
        "[services.slow]");
    CAF_CHECK_EQUAL(pass(2000), 0u);
  }
  CAF_REQUIRE_EQUAL(pass(100), 1u);
  CAF_CHECK(told[0].finding == Finding::returned);
}

CAF_TEST(a_handler_over_its_limit_is_told_of_once) {
  const TurnWatch::Running running(*partition, turn());
  CAF_CHECK_EQUAL(pass(3900), 1u);
  CAF_REQUIRE_EQUAL(pass(300), 1u);
  CAF_CHECK(told[0].finding == Finding::over_limit);
  CAF_CHECK(told[0].text.ends_with("over its limit of 4.0 s: this process ends"));
  CAF_CHECK_EQUAL(pass(10'000), 0u);
}

CAF_TEST(a_limit_of_0_is_none) {
  partition = dog.watch(0, runtime, TaskId{{3}}, {Duration(0), Duration(0)});
  const TurnWatch::Running running(*partition, turn());
  CAF_CHECK_EQUAL(pass(1'000'000), 0u);
}

CAF_TEST(a_source_is_told_of_and_has_no_limit) {
  const auto source = dog.watch(0, runtime, TaskId{{1}, 0}, {Duration(800), Duration(4000)});
  const TurnWatch::Running running(*source, {});
  CAF_REQUIRE_EQUAL(pass(100'000), 1u);
  CAF_CHECK(told[0].text.starts_with("service slow: source file has not returned"));
}

CAF_TEST(one_on_a_thread_of_its_own_needs_no_declaration) {
  partition = dog.watch(0, runtime, TaskId{{3}}, {Duration(800), Duration(4000)}, Watchdog::Runs::on_its_own);
  const TurnWatch::Running running(*partition, turn());
  CAF_REQUIRE_EQUAL(pass(1000), 1u);
  CAF_CHECK(told[0].text.ends_with("has not returned for 0.8 s"));
}

CAF_TEST(handlers_that_take_all_threads_are_named_together_once_and_again_when_one_returns) {
  dog.set_workers(2);
  const auto second = dog.watch(7, runtime, TaskId{{1}}, {Duration(800), Duration(4000)});
  const auto apart =
      dog.watch(7, runtime, TaskId{{0}}, {Duration(0), Duration(0)}, Watchdog::Runs::on_its_own);
  const TurnWatch::Running first(*partition, turn()), third(*apart, turn("cid"));
  CAF_CHECK_EQUAL(pass(2000), 1u);  // the one that is slow: a thread is left
  {
    const TurnWatch::Running running(*second, turn("bob"));
    (void)pass(700);
    CAF_CHECK(told.empty());
    (void)pass(400);
    CAF_REQUIRE_EQUAL(told.size(), 2u);
    CAF_CHECK(told[0].finding == Finding::slow);
    CAF_CHECK(told[1].finding == Finding::all_taken);
    CAF_CHECK_EQUAL(
        told[1].text,
        "all 2 threads for partitions are taken by handlers that do not return, and no other partition goes "
        "on: service slow: partition 3: Clicked on bench-events/3@17, key \"ann\"; service slow: partition "
        "1: "
        "Clicked on bench-events/1@17, key \"bob\". If it waits for something, declare the service: "
        ".blocking() in code, or blocking = true in [services.slow]");
    CAF_CHECK_EQUAL(dog.running().size(), 3u);
  }
  (void)pass(100);
  CAF_REQUIRE_EQUAL(told.size(), 2u);
  CAF_CHECK(told[0].finding == Finding::returned);
  CAF_CHECK(told[1].finding == Finding::one_is_free);
  CAF_CHECK_EQUAL(dog.running().size(), 2u);
}

CAF_TEST(time_in_which_nobody_checked_counts_for_little) {
  const TurnWatch::Running running(*partition, turn());
  (void)pass(300);
  now += std::chrono::hours(1);  // the process was stopped
  CAF_CHECK(dog.check(now).empty());
}

CAF_TEST(a_task_that_is_gone_is_forgotten) {
  {
    const TurnWatch::Running running(*partition, turn());
    (void)pass(100);
  }
  partition.reset();
  CAF_CHECK_EQUAL(pass(10'000), 0u);
}

CAF_TEST(keys_of_every_length_are_read_back_and_hostile_ones_are_made_fit_for_the_log) {
  const std::string letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=:;";
  for (std::size_t size = 0; size <= letters.size(); ++size) {
    const TurnWatch::Running running(*partition, turn(letters.substr(0, size)));
    const auto seen = partition->check(partition->running());
    CAF_REQUIRE(seen);
    CAF_CHECK_EQUAL(seen->key, letters.substr(0, std::min(size, TurnWatch::longest_key)));
    CAF_CHECK_EQUAL(seen->key_size, size);
  }
  const TurnWatch::Running running(*partition, turn("a\n\"b"));
  (void)pass(1000);
  CAF_REQUIRE_EQUAL(told.size(), 1u);
  CAF_CHECK(told[0].text.find("key \"a\\x0a\\x22b\",") != std::string::npos);
}

CAF_TEST(a_check_sees_one_turn_or_none) {
  std::atomic<bool> ends = false;
  std::thread task([&] {
    for (std::int64_t n = 0; !ends; ++n) {
      const std::string key(1 + static_cast<std::size_t>(n % 40), static_cast<char>('a' + n % 26));
      const TurnWatch::Running running(*partition, {&what, &topic, {n}, key});
    }
  });
  int checks = 0;
  while (checks < 20'000) {
    const auto seen = partition->check(partition->running());
    if (!seen) continue;
    ++checks;
    const std::string key(1 + static_cast<std::size_t>(seen->offset.value % 40),
                          static_cast<char>('a' + seen->offset.value % 26));
    if (seen->key != key) CAF_FAIL("a mix of two turns: " << seen->key << " for " << seen->offset.value);
  }
  ends = true;
  task.join();
  CAF_CHECK_EQUAL(checks, 20'000);
}

CAF_TEST_FIXTURE_SCOPE_END()

}  // namespace eventy
