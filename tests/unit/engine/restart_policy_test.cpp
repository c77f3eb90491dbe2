// When a supervisor restarts and when it gives up, by the clock that it is told.
#define CAF_SUITE engine_restart_policy
#include "eventy/engine/restart_policy.hpp"

#include <caf/test/unit_test.hpp>

namespace eventy {
namespace {

using Verdict = RestartPolicy::Verdict;

struct Timed {
  RestartPolicy policy{{.intensity = 3, .period = Duration(1000), .first_backoff = Duration(10)}};
  Instant now = Instant(Duration(1'800'000'000'000));
  RestartPolicy::Decision after(int ms, std::optional<ErrorCode> code = {}) {
    now += Duration(ms);
    return policy.failed(now, code);
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(timed, Timed)

CAF_TEST(restarts wait twice as long each time) {
  CAF_CHECK_EQUAL(after(0).wait.count(), 10);
  CAF_CHECK_EQUAL(after(1).wait.count(), 20);
  CAF_CHECK_EQUAL(after(1).wait.count(), 40);
}

CAF_TEST(one failure more than allowed within the period is too many) {
  for (int i = 0; i < 3; ++i) CAF_CHECK(after(100, ErrorCode::io).verdict == Verdict::restart);
  CAF_CHECK(after(100, ErrorCode::io).verdict == Verdict::too_many);
}

CAF_TEST(failures further apart are never too many) {
  for (int i = 0; i < 20; ++i) CAF_CHECK(after(400, ErrorCode::timed_out).verdict == Verdict::restart);
}

CAF_TEST(what no restart can heal is final the first time) {
  CAF_CHECK(after(0, ErrorCode::permission_denied).verdict == Verdict::is_final);
}

CAF_TEST(what may heal is restarted) {
  for (const auto code : {ErrorCode::io, ErrorCode::timed_out, ErrorCode::not_found, ErrorCode::busy,
                          ErrorCode::no_space, ErrorCode::aborted, ErrorCode::internal, ErrorCode::too_large})
    CAF_CHECK(after(2000, code).verdict == Verdict::restart);
}

CAF_TEST(a second fencing within a minute is a twin) {
  CAF_CHECK(after(0, ErrorCode::fenced).verdict == Verdict::restart);
  CAF_CHECK(after(60'001, ErrorCode::fenced).verdict == Verdict::restart);
  CAF_CHECK(after(60'000, ErrorCode::fenced).verdict == Verdict::has_twin);
}

CAF_TEST_FIXTURE_SCOPE_END()

}  // namespace eventy
