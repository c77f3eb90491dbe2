// When a supervisor restarts and when it gives up, by the clock that it is told.
#define CAF_SUITE engine_restart_policy
#include "eventy/engine/restart_policy.hpp"

#include <caf/test/unit_test.hpp>

namespace eventy {
namespace {

using Verdict = RestartPolicy::Verdict;

struct Timed {
  RestartOptions options{
      .intensity = 3, .period = Duration(1000), .first_backoff = Duration(10), .max_backoff = Duration(100)};
  RestartPolicy policy{options};
  Backoff backoff = {};
  MonotonicTime now = MonotonicTime(Duration(1'800'000'000'000));
  Verdict after(int ms, std::optional<ErrorCode> code = {}) {
    now += Duration(ms);
    return policy.failed(now, code);
  }
  // The wait of a child that fails so long after its last restart.
  std::int64_t waits_after(int ms) {
    now += Duration(ms);
    const Duration wait = backoff.failed(now, options);
    now += wait;
    return wait.count();
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(timed, Timed)

CAF_TEST(restarts_wait_twice_as_long_each_time_up_to_the_most) {
  for (const int wait : {10, 20, 40, 80, 100, 100}) CAF_CHECK_EQUAL(waits_after(1), wait);
}

CAF_TEST(after_calm_the_waits_start_over) {
  for (const int wait : {10, 20, 40}) CAF_CHECK_EQUAL(waits_after(1), wait);
  CAF_CHECK_EQUAL(waits_after(30'000), 80);
  CAF_CHECK_EQUAL(waits_after(30'001), 10);
}

CAF_TEST(a_long_wait_is_no_calm) {
  options.first_backoff = options.max_backoff = Duration(40'000);
  options.reset_backoff_after = Duration(30'000);
  (void)waits_after(1);
  options.max_backoff = Duration(1'000'000);
  CAF_CHECK_EQUAL(waits_after(1), 80'000);
}

CAF_TEST(one_failure_more_than_allowed_within_the_period_is_too_many) {
  for (int i = 0; i < 3; ++i) CAF_CHECK(after(100, ErrorCode::io) == Verdict::restart);
  CAF_CHECK(after(100, ErrorCode::io) == Verdict::too_many);
}

CAF_TEST(an_intensity_of_0_restarts_nothing) {
  RestartPolicy never({.intensity = 0});
  CAF_CHECK(never.failed(now) == Verdict::too_many);
}

CAF_TEST(failures_further_apart_are_never_too_many) {
  for (int i = 0; i < 20; ++i) CAF_CHECK(after(400, ErrorCode::timed_out) == Verdict::restart);
}

CAF_TEST(what_no_restart_can_heal_is_final_the_first_time) {
  CAF_CHECK(after(0, ErrorCode::permission_denied) == Verdict::is_permanent);
}

CAF_TEST(what_may_heal_is_restarted) {
  for (const auto code : {ErrorCode::io, ErrorCode::timed_out, ErrorCode::not_found, ErrorCode::busy,
                          ErrorCode::no_space, ErrorCode::aborted, ErrorCode::internal, ErrorCode::too_large})
    CAF_CHECK(after(2000, code) == Verdict::restart);
}

CAF_TEST(a_second_fencing_within_a_minute_is_a_duplicate) {
  CAF_CHECK(after(0, ErrorCode::fenced) == Verdict::restart);
  CAF_CHECK(after(60'001, ErrorCode::fenced) == Verdict::restart);
  CAF_CHECK(after(60'000, ErrorCode::fenced) == Verdict::has_duplicate);
}

CAF_TEST_FIXTURE_SCOPE_END()

}  // namespace eventy
