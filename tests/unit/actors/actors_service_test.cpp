// A service under its supervisor, in virtual time.
#define CAF_SUITE actors_service
#include "node_fixture.hpp"

namespace eventy::actors {
namespace {

struct Line {
  std::int64_t at = 0;
  EVENTY_FIELDS(at);
};
struct LineRead {
  std::int64_t number = 0;
  EVENTY_FIELDS(number);
  using record = Event<"urn:lines", "LineRead", "1.0.0">;
};

// Ten numbers, three a poll; the second poll fails as often as told.
Service lines(std::shared_ptr<int> failures) {
  return service<>("lines").source<Line>("file", [failures](Poll<Line>& poll) {
    const auto at = poll.position().at;
    if (at == 10) return poll.poll_again_after(std::chrono::hours(1));
    const auto end = std::min<std::int64_t>(at + 3, 10);
    for (auto n = at; n < end; ++n) {
      poll.emit(LineRead{n}, "key-" + std::to_string(n));
      if (n == 4 && (*failures)-- > 0) throw std::runtime_error("line 4 is not there yet");
    }
    poll.advance({end});
  });
}

struct Counting : NodeFixture {
  Counting() { prepare(counter::service()); }
};
struct Reading : NodeFixture {
  std::shared_ptr<int> failures = std::make_shared<int>(0);
  Reading() { prepare(lines(failures)); }
  std::vector<std::int64_t> numbers() {
    std::vector<std::int64_t> out;
    for (const auto& data : data_in("lines-events"))
      out.push_back(std::get<std::int64_t>(data.at(0).second.is));
    std::sort(out.begin(), out.end());
    return out;
  }
  std::vector<std::int64_t> all() const { return {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}; }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(counting, Counting)

CAF_TEST(what_is_stored_before_the_start_is_handled) {
  click(30, 5);
  start();
  run();
  CAF_CHECK(counted_exactly(5, 6));
}

CAF_TEST(what_is_stored_while_it_runs_is_handled) {
  start();
  run();
  click(30, 5);
  run();
  click(30, 5);
  run();
  CAF_CHECK(counted_exactly(5, 12));
}

CAF_TEST(a_crashed_partition_starts_again_from_committed_state_and_nothing_is_lost_or_doubled) {
  start();
  click(30, 5);
  run();
  faults->loads_to_fail = 2;
  click(30, 15);
  run();
  CAF_CHECK_EQUAL(faults->loads_failed, 2);
  CAF_CHECK_EQUAL(faults->sessions, 1);
  const auto all = counted();
  CAF_CHECK_EQUAL(all.size(), 15u);
  CAF_CHECK_EQUAL(all.at("key-0"), (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8}));
  CAF_CHECK_EQUAL(all.at("key-14"), (std::vector<std::int64_t>{1, 2}));
  CAF_CHECK(state() == NodeState::running);
}

CAF_TEST(a_crash_waits_for_its_backoff_before_the_restart) {
  faults->loads_to_fail = 1;
  click(10, 1);
  start();
  run_ready();
  CAF_CHECK_EQUAL(faults->loads_failed, 1);
  advance_time(std::chrono::milliseconds(99));
  run_ready();
  CAF_CHECK(counted().empty());
  run();
  CAF_CHECK(counted_exactly(1, 10));
}

CAF_TEST(too_many_crashes_end_the_service_with_the_reason) {
  faults->loads_to_fail = 1000;
  click(30, 5);
  start();
  run();
  CAF_CHECK(state() == NodeState::failed);
  CAF_CHECK(board->failure().find("service counter") != std::string::npos);
  CAF_CHECK(board->failure().find("giving up: the state of a key is damaged") != std::string::npos);
  CAF_CHECK(counted().empty());
}

CAF_TEST(what_no_restart_can_heal_ends_the_service_at_once_with_the_reason) {
  for (const auto code : {ErrorCode::permission_denied, ErrorCode::corrupt, ErrorCode::configuration,
                          ErrorCode::invalid_argument, ErrorCode::unsupported, ErrorCode::newer_format}) {
    Counting other;
    other.faults->code = code;
    other.faults->loads_to_fail = 1000;
    other.click(10, 1);
    other.start();
    other.run_ready();  // no time passes
    CAF_CHECK(other.state() == NodeState::failed);
    CAF_CHECK_EQUAL(other.faults->loads_failed, 1);
    CAF_CHECK_EQUAL(other.board->failure(),
                    "service counter: partition " +
                        std::to_string(partition_of("key-0", NodeFixture::partitions).value) +
                        " failed, and no restart can help: the state of a key is damaged");
  }
}

CAF_TEST(a_session_that_may_not_go_on_ends_the_service_at_once_with_the_reason) {
  start();
  run();
  store.fail_poll("counter", {ErrorCode::permission_denied, "the password is wrong"});
  run_ready();
  CAF_CHECK(state() == NodeState::failed);
  CAF_CHECK_EQUAL(board->failure(),
                  "service counter: bridge failed, and no restart can help: the password is wrong");
  CAF_CHECK_EQUAL(faults->sessions, 1);
}

CAF_TEST(a_cycle_that_is_aborted_for_what_stays_is_not_done_again_and_again) {
  faults->abort_reason = Error{ErrorCode::permission_denied, "no permission to write counter-events"};
  store.next_commit("counter", MemoryStore::CommitFate::aborts);
  click(30, 5);
  start();
  run();
  CAF_CHECK(state() == NodeState::failed);
  CAF_CHECK(board->failure().ends_with("no permission to write counter-events"));
  CAF_CHECK(counted().empty());
}

CAF_TEST(a_session_that_is_fenced_once_starts_again) {
  start();
  run();
  store.fail_poll("counter", {ErrorCode::fenced, "another session took over"});
  run();
  CAF_CHECK(state() == NodeState::running);
  CAF_CHECK_EQUAL(faults->sessions, 2);
}

CAF_TEST(a_session_that_is_fenced_twice_within_a_minute_has_a_duplicate_and_gives_up) {
  start();
  run();
  store.fail_poll("counter", {ErrorCode::fenced, "another session took over"});
  run();
  store.fail_poll("counter", {ErrorCode::fenced, "another session took over"});
  run();
  CAF_CHECK(state() == NodeState::failed);
  CAF_CHECK(board->failure().find("same [node] id") != std::string::npos);
  CAF_CHECK_EQUAL(faults->sessions, 2);
}

CAF_TEST(partitions_that_are_fenced_are_no_sign_of_a_duplicate) {
  faults->code = ErrorCode::fenced;
  faults->loads_to_fail = 2;
  click(30, 5);
  start();
  run();
  CAF_CHECK_EQUAL(faults->loads_failed, 2);
  CAF_CHECK(state() == NodeState::running);
  CAF_CHECK(counted_exactly(5, 6));
}

CAF_TEST(partitions_that_are_taken_away_use_up_no_restarts) {
  setup.supervision.restarts.intensity = 0;
  faults->code = ErrorCode::fenced;
  faults->loads_to_fail = 40;
  click(30, 5);
  start();
  run();
  CAF_CHECK_EQUAL(faults->loads_failed, 40);
  CAF_CHECK(state() == NodeState::running);
  CAF_CHECK(counted_exactly(5, 6));
  const auto counts = board->counts().at(0);
  CAF_CHECK_EQUAL(counts.partition_restarts, 0u);
  CAF_CHECK(counts.failures.empty());
}

CAF_TEST(a_bridge_whose_session_fails_gets_a_new_session_and_nothing_is_lost_or_doubled) {
  click(30, 5);
  start();
  run();
  click(30, 5);
  run_ready();  // slices are in hand, the commit is not due yet
  store.fail_poll("counter", {ErrorCode::io, "the connection broke"});
  run();
  CAF_CHECK_EQUAL(faults->sessions, 2);
  CAF_CHECK(counted_exactly(5, 12));
  CAF_CHECK(state() == NodeState::running);
}

CAF_TEST(an_aborted_cycle_is_done_again) {
  store.next_commit("counter", MemoryStore::CommitFate::aborts);
  click(30, 5);
  start();
  run();
  CAF_CHECK(counted_exactly(5, 6));
}

CAF_TEST(draining_commits_what_is_in_hand) {
  setup.bridge.cycle.interval = std::chrono::hours(1);
  click(30, 5);
  start();
  run_ready();
  CAF_CHECK(counted().empty());
  tell_node(msg::Drain{});
  run_ready();
  CAF_CHECK(state() == NodeState::drained);
  CAF_CHECK(counted_exactly(5, 6));
}

CAF_TEST(a_drained_node_takes_nothing_more) {
  start();
  run();
  tell_node(msg::Drain{});
  run();
  CAF_CHECK(state() == NodeState::drained);
  click(30, 5);
  run();
  CAF_CHECK(counted().empty());
}

CAF_TEST(idle_is_known_when_everything_is_read_and_committed_and_not_before) {
  idle_check = Duration(20);
  click(30, 5);
  start();
  run_ready();
  CAF_CHECK(state() == NodeState::running);
  run_until([&] { return state() == NodeState::idle; });
  CAF_CHECK(counted_exactly(5, 6));
}

CAF_TEST_FIXTURE_SCOPE_END()

CAF_TEST_FIXTURE_SCOPE(reading, Reading)

CAF_TEST(a_source_is_read_to_its_end) {
  start();
  run_until([&] { return numbers().size() >= 10; });
  CAF_CHECK_EQUAL(numbers(), all());
}

CAF_TEST(a_source_that_throws_goes_on_at_its_committed_position) {
  *failures = 2;
  start();
  run_until([&] { return numbers().size() >= 10; });
  CAF_CHECK_EQUAL(*failures, -1);
  CAF_CHECK_EQUAL(numbers(), all());
}

CAF_TEST(a_source_that_keeps_throwing_ends_the_service_with_its_text) {
  *failures = 1000;
  start();
  run_until([&] { return state() == NodeState::failed; });
  CAF_CHECK(board->failure().find("source file") != std::string::npos);
  CAF_CHECK(board->failure().find("line 4 is not there yet") != std::string::npos);
  CAF_CHECK_EQUAL(numbers(), (std::vector<std::int64_t>{0, 1, 2}));
}

CAF_TEST(a_source_that_says_what_no_restart_can_heal_ends_the_service_at_once) {
  setup.runtime = runtime_of(service<>("lines").source<Line>("file", [](Poll<Line>&) {
    throw Failure({ErrorCode::permission_denied, "the file may not be read"});
  }));
  start();
  run_ready();
  CAF_CHECK(state() == NodeState::failed);
  CAF_CHECK_EQUAL(board->failure(),
                  "service lines: source file failed, and no restart can help: the file may not be read");
}

CAF_TEST(a_source_does_not_poll_further_ahead_of_the_commits_than_it_may) {
  setup.source_slices_in_flight = 2;
  setup.bridge.cycle.interval = std::chrono::hours(1);
  start();
  run_ready();
  tell_node(msg::Drain{});
  run_ready();
  CAF_CHECK_EQUAL(numbers(), (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5}));
}

CAF_TEST(idle_waits_for_the_sources) {
  idle_check = Duration(20);
  start();
  run_until([&] { return state() == NodeState::idle; });
  CAF_CHECK_EQUAL(numbers(), all());
}

CAF_TEST_FIXTURE_SCOPE_END()

}  // namespace eventy::actors
