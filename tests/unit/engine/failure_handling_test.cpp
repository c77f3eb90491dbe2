// What becomes of an input whose turn failed, decision by decision.
#define CAF_SUITE engine_failure_handling
#include "runtime/engine/failure_handling.hpp"

#include <caf/test/unit_test.hpp>

#include "parts_fixture.hpp"

namespace eventy {
namespace {

using namespace parts;
using counting::Busy;

struct Subject : Parts {
  explicit Subject(
      FailurePolicy policy, const Tune& tune = [](auto&) {})
      : Parts(clicks_with<Page>(std::move(policy), [](auto&, auto&) {}), tune) {
    failures.book().load();
    begin();
  }
  void begin(std::int64_t offset = 0, const std::string& key = "ann") {
    environment.read_clock();
    failures.read_clock();
    batch = batch_of(events(), {clicked(key, 1)}, offset);
    translator.read(view_of(*batch, 0), attempt);
    translator.match(attempt);
    translator.find_key(attempt);
  }
  bool fail(const std::exception_ptr& error = std::make_exception_ptr(Busy("busy"))) {
    const bool waits = failures.keeps_trying(attempt.matched.at(0), attempt, error);
    if (waits) failures.remember(attempt);
    return waits;
  }
  // Header `name` of the only dead letter.
  std::string letter(std::string_view name) {
    const auto& out = slice.outputs();
    if (out.entries.size() != 1) return std::to_string(out.entries.size()) + " letters";
    for (const auto& h : out.headers)
      if (out.header(h).name == name) return std::string(out.header(h).value);
    return "no header";
  }

  Outbox outbox{routes};
  SliceDraft slice{environment};
  FailureHandling failures{environment, rows, outbox, slice};
  Translator translator{*runtime};
  Attempt attempt;
  std::shared_ptr<const Batch> batch;
};

FailurePolicy retried(int times) { return {.retry = {.times = times, .first = Duration(100)}}; }

}  // namespace

CAF_TEST(retries_wait_twice_as_long_each_time) {
  Subject s(retried(3));
  Duration last{0};
  for (int i = 1; i <= 3; ++i) {
    CAF_REQUIRE(s.failures.recall(s.attempt));
    CAF_CHECK(s.fail());
    const auto wait = std::chrono::duration_cast<Duration>(*s.failures.waits_until() - s.environment.now);
    const Duration least(100 << (i - 1));
    CAF_CHECK(wait >= least && wait <= least + least / 4 + Duration(1));
    CAF_CHECK(wait > last);
    last = wait;
    s.clock.advance(wait);
    s.begin();
    CAF_CHECK(!s.failures.waits_until());
  }
  CAF_REQUIRE(s.failures.recall(s.attempt));
  CAF_CHECK(!s.fail());
  s.failures.settle(s.attempt);
  CAF_CHECK_EQUAL(s.letter("eventy-attempts"), "4");
  CAF_CHECK(s.failures.recall(s.attempt));
}

CAF_TEST(an_input_that_waits_is_not_tried_before_it_is_due) {
  Subject s(retried(1));
  s.fail();
  const auto due = *s.failures.waits_until();
  s.clock.advance(Duration(10));
  s.begin();
  CAF_CHECK(!s.failures.recall(s.attempt));
  CAF_CHECK(s.failures.waits_until() == due);
}

CAF_TEST(bytes_that_do_not_decode_are_not_retried) {
  Subject s(retried(5));
  CAF_CHECK(!s.fail(std::make_exception_ptr(DecodeError("bad"))));
  s.failures.settle(s.attempt);
  CAF_CHECK_EQUAL(s.slice.outputs().entries.size(), 1u);
  CAF_CHECK_EQUAL(s.environment.metrics->dead_letters.value(), 1u);
}

CAF_TEST(a_policy_of_stop_ends_the_process) {
  Subject s({.then = FinalAction::stop});
  try {
    s.fail();
    CAF_FAIL("it goes on");
  } catch (const Failure& e) {
    CAF_CHECK(e.error().code == ErrorCode::stopped);
  }
}

CAF_TEST(a_pause_goes_on_when_its_probe_says_so) {
  bool is_up = false;
  Subject s({.then = FinalAction::pause_partition,
             .probe = {.interval = Duration(500), .check = [&] { return is_up; }}});
  CAF_CHECK(s.fail());
  CAF_CHECK(*s.failures.waits_until() == s.environment.now + Duration(500));
  s.clock.advance(Duration(500)), s.begin();
  CAF_CHECK(!s.failures.recall(s.attempt));
  is_up = true;
  s.clock.advance(Duration(500)), s.begin();
  CAF_CHECK(s.failures.recall(s.attempt));
  s.failures.settle(s.attempt);
  CAF_CHECK(s.failures.book().waiting(s.attempt.id) == nullptr);
  CAF_CHECK_EQUAL(s.environment.metrics->pauses.value(), 1u);
}

CAF_TEST(later_inputs_of_a_parked_key_are_parked_behind_it) {
  Subject s({.then = FinalAction::park_key});
  CAF_CHECK(!s.fail());
  s.failures.settle(s.attempt);
  s.begin(1);
  CAF_REQUIRE(s.failures.is_parked(s.attempt));
  CAF_CHECK(s.failures.park_behind(s.attempt));
  CAF_CHECK_EQUAL(s.failures.book().parked("ann"), 2u);
  s.begin(2, "bob");
  CAF_CHECK(!s.failures.is_parked(s.attempt));
}

CAF_TEST(where_there_is_no_room_to_park_the_partition_pauses_and_releases_the_key) {
  Subject s({.then = FinalAction::park_key}, [](auto& o) { o.parking.records_per_key = 1; });
  s.fail();
  s.failures.settle(s.attempt);
  s.begin(1);
  CAF_CHECK(!s.failures.park_behind(s.attempt));
  CAF_CHECK(s.failures.waits_until().has_value());
  CAF_CHECK_EQUAL(s.failures.book().releasing().value_or(""), "ann");
}

CAF_TEST(a_released_record_has_one_try_and_stays_parked_while_tries_are_left) {
  Subject s({.retry = {.times = 2}, .then = FinalAction::dead_letter});
  ParkedRecord row{.topic = "web-events", .handlers = {"x"}, .attempts = 1};
  s.attempt.is_released = true, s.attempt.earlier_attempts = row.attempts;
  CAF_CHECK(
      !s.failures.keeps_trying(s.attempt.matched.at(0), s.attempt, std::make_exception_ptr(Busy("busy"))));
  CAF_CHECK(!s.failures.settle_released(s.attempt, row));
  CAF_CHECK_EQUAL(row.attempts, 2);
  s.begin();
  s.attempt.is_released = true, s.attempt.earlier_attempts = row.attempts;
  CAF_CHECK(
      !s.failures.keeps_trying(s.attempt.matched.at(0), s.attempt, std::make_exception_ptr(Busy("busy"))));
  CAF_CHECK(s.failures.settle_released(s.attempt, row));
  CAF_CHECK_EQUAL(s.letter("eventy-attempts"), "3");
}

CAF_TEST(an_input_that_is_no_record_waits_and_is_remembered_by_its_name) {
  Subject s(retried(2));
  s.attempt.record.reset();
  s.attempt.id = {"timer Tick", 8};
  CAF_CHECK(s.fail());
  const auto* waiting = s.failures.book().waiting({"timer Tick", 8});
  CAF_REQUIRE(waiting != nullptr);
  CAF_CHECK_EQUAL(waiting->failures.at(0).attempts, 1);
  CAF_CHECK(s.failures.book().waiting({"web-events", 8}) == nullptr);
  s.failures.go_on(s.attempt);
  CAF_CHECK(s.failures.book().waiting({"timer Tick", 8}) == nullptr);
}

CAF_TEST(an_input_that_is_no_record_is_parked_after_those_of_its_key) {
  Subject s({.then = FinalAction::park_key});
  s.fail();
  s.failures.settle(s.attempt);
  const auto handler = s.attempt.matched.at(0);
  Tick tick(9);
  tick.begin(s.attempt, 8);
  s.attempt.key = "ann", s.attempt.matched = {handler};
  CAF_REQUIRE(s.failures.is_parked(s.attempt));
  CAF_CHECK(s.failures.park_behind(s.attempt));
  CAF_CHECK_EQUAL(s.failures.book().parked("ann"), 2u);
  s.failures.book().drop_first("ann", s.failures.book().first("ann").value());
  const ParkedRecord row = s.failures.book().first("ann").value();
  CAF_CHECK_EQUAL(row.topic, Tick::source);
  CAF_CHECK_EQUAL(row.offset, 8);
  CAF_CHECK(row.value == to_bytes(*tick.bytes()));
  CAF_CHECK(row.handlers == std::vector{s.runtime->handler_id(handler.handler)});
}

CAF_TEST(an_input_that_cannot_be_parked_waits_until_its_key_is_released) {
  Subject s({.then = FinalAction::park_key});
  s.fail();
  s.failures.settle(s.attempt);
  Tick tick(9, Tick::Parked::impossible);
  tick.begin(s.attempt, 8);
  s.attempt.key = "ann";
  CAF_CHECK(!s.failures.park_behind(s.attempt));
  CAF_CHECK(s.failures.waits_until().has_value());
  CAF_CHECK(s.failures.book().waiting({Tick::source, 8}) != nullptr);
  CAF_CHECK_EQUAL(s.failures.book().releasing().value_or(""), "ann");
  CAF_CHECK_EQUAL(s.failures.book().parked("ann"), 1u);
}

CAF_TEST(a_failed_input_that_cannot_be_parked_becomes_a_dead_letter_that_names_it) {
  Subject s({.then = FinalAction::park_key});
  const auto handler = s.attempt.matched.at(0);
  Tick tick(9, Tick::Parked::impossible);
  tick.begin(s.attempt, 8);
  s.attempt.key = "ann", s.attempt.matched = {handler};
  CAF_CHECK(!s.fail());
  s.failures.settle(s.attempt);
  CAF_CHECK_EQUAL(s.letter("eventy-place"), "timer Tick@8");
  CAF_CHECK_EQUAL(s.letter("eventy-topic"), "no header");
  CAF_CHECK_EQUAL(s.letter("eventy-reason"), "busy");
  CAF_CHECK(!s.failures.is_parked(s.attempt));
}

CAF_TEST(what_failed_is_known_after_a_rewind) {
  Subject s(retried(2));
  s.fail();
  s.failures.rewind();
  CAF_CHECK(!s.failures.waits_until());
  s.failures.book().load();
  s.clock.advance(Duration(1000)), s.begin();
  CAF_CHECK(s.failures.recall(s.attempt));
  CAF_REQUIRE_EQUAL(s.attempt.failed.size(), 1u);
  CAF_CHECK_EQUAL(s.attempt.failed[0].reason, "busy");
}

}  // namespace eventy
