// The kinds of work of a partition, each alone: records, released records, at-most-once turns; and the slice
// that they fill.
#define CAF_SUITE engine_kinds_of_work
#include <caf/test/unit_test.hpp>

#include "parts_fixture.hpp"
#include "runtime/engine/deferred_turns.hpp"
#include "runtime/engine/record_queue.hpp"
#include "runtime/engine/released_records.hpp"

namespace eventy {
namespace {

using namespace parts;
using counting::Busy;

struct Noted {
  std::vector<std::int64_t> seen, later;
  bool is_down = false;
};

Service noting(Noted& noted, FailurePolicy policy) {
  return service<Page>("counter")
      .on(exactly_once,
          [&noted](Turn<Page>& turn, const Clicked& c) {
            if (noted.is_down) throw Busy("down");
            noted.seen.push_back(c.n);
            turn.edit().text += 'x';
            turn.emit(Counted{"a", c.n});
          })
      .on(at_most_once,
          [&noted](StatelessTurn& turn, const Clicked& c) {
            if (c.n == 13) throw Busy("once");
            noted.later.push_back(c.n);
            turn.emit(Counted{"later", c.n});
          })
      .on_failure(std::move(policy));
}

struct Subject : Parts {
  explicit Subject(
      FailurePolicy policy = {}, const Tune& tune = [](auto&) {})
      : Parts(noting(noted, std::move(policy)), tune) {
    failures.book().load();
    slice.begin({1}, SliceDraft::Expected::nothing);
  }
  void accept(std::int64_t from, std::vector<std::int64_t> ns, const std::string& key = "ann") {
    std::vector<Record> all;
    for (const auto n : ns) all.push_back(clicked(key, n));
    records.accept(batch_of(events(), all, from), {});
  }
  Slice end_slice() {
    const auto number = slice.number();
    states.end_slice(number, slice.state());
    failures.book().end_slice(number, slice.state());
    Slice done = slice.end();
    slice.begin({1}, SliceDraft::Expected::nothing);
    return done;
  }

  Noted noted;
  Outbox outbox{routes};
  KeyStates states{routes, {0}, rows};
  SliceDraft slice{environment};
  Translator translator{*runtime};
  TurnRun turns{environment, states, outbox};
  FailureHandling failures{environment, rows, outbox, slice};
  Placement placement{environment, translator, outbox, failures, slice};
  AttemptRun runs{environment, translator, states, turns, failures, slice};
  DeferredTurns deferred{environment, translator, turns, failures};
  ReleasedRecords released{environment, translator, placement, runs, failures, deferred};
  RecordQueue records{environment, translator, placement, runs, failures, deferred};
};

using Ns = std::vector<std::int64_t>;

// Begins parked ticks again.
class TickReader final : public InputReader {
 public:
  explicit TickReader(const ServiceRuntime& runtime) : runtime_(runtime) {}
  bool begin(const InputId& id, std::string_view bytes, Attempt& attempt) override {
    if (id.source != Tick::source) return false;
    tick_ = std::make_unique<Tick>(std::string(bytes));
    tick_->begin(attempt, id.number);
    attempt.matched = {runtime_.candidates(*runtime_.topic_named("web-events")).at(0)};
    return true;
  }

 private:
  const ServiceRuntime& runtime_;
  std::unique_ptr<Tick> tick_ = {};
};

// Takes what is left for after the commit, and runs nothing of it.
class Left final : public AfterCommit {
 public:
  std::vector<Guarantee> guarantees = {};
  std::vector<std::int64_t> offsets = {};

 private:
  void defer(const ServiceRuntime::Candidate& handler, const Attempt& attempt, std::shared_ptr<const void>,
             SliceDraft&) override {
    guarantees.push_back(handler.plan->guarantee);
    offsets.push_back(attempt.id.number);
  }
};

}  // namespace

CAF_TEST(records_are_handled_in_order_up_to_a_full_slice) {
  Subject s({}, [](auto& o) { o.max_records_per_slice = 2; });
  s.accept(10, {1, 2, 3});
  s.records.work(s.slice);
  CAF_CHECK(s.noted.seen == (Ns{1, 2}));
  CAF_CHECK(s.records.has_more());
  const Slice slice = s.end_slice();
  CAF_CHECK_EQUAL(slice.records, 2u);
  CAF_CHECK_EQUAL(slice.finished_batches, 0u);
  CAF_REQUIRE_EQUAL(slice.effects.positions.size(), 1u);
  CAF_CHECK(slice.effects.positions[0].next == Offset{12});
  s.records.work(s.slice);
  CAF_CHECK(s.noted.seen == (Ns{1, 2, 3}));
  CAF_CHECK(!s.records.has_more());
  CAF_CHECK_EQUAL(s.end_slice().finished_batches, 1u);
}

CAF_TEST(a_record_that_waits_holds_up_those_behind_it) {
  Subject s({.retry = {.times = 1, .first = Duration(100)}});
  s.noted.is_down = true;
  s.accept(0, {1, 2});
  s.records.work(s.slice);
  CAF_CHECK(!s.records.has_more());
  CAF_CHECK(s.slice.outputs().empty());
  s.noted.is_down = false;
  s.records.work(s.slice);
  CAF_CHECK(s.noted.seen.empty());
  s.clock.advance(Duration(200));
  s.environment.read_clock();
  s.failures.read_clock();
  s.records.work(s.slice);
  CAF_CHECK(s.noted.seen == (Ns{1, 2}));
}

CAF_TEST(at_most_once_turns_run_after_the_commit_and_never_again) {
  Subject s;
  s.accept(0, {1, 13, 2});
  s.records.work(s.slice);
  CAF_CHECK(s.end_slice().has_deferred);
  OutputBuffer now;
  s.deferred.committed(0, now);
  CAF_CHECK(s.noted.later.empty());
  s.deferred.committed(1, now);
  CAF_CHECK(s.noted.later == (Ns{1, 2}));
  CAF_CHECK_EQUAL(now.entries.size(), 3u);  // one is the dead letter of what failed
  CAF_CHECK_EQUAL(s.environment.metrics->dead_letters.value(), 1u);
  s.deferred.committed(1, now);
  CAF_CHECK_EQUAL(s.noted.later.size(), 2u);
}

CAF_TEST(a_rewind_forgets_at_most_once_turns_that_wait) {
  Subject s;
  s.accept(0, {1});
  s.records.work(s.slice);
  (void)s.end_slice();
  s.deferred.rewind();
  OutputBuffer now;
  s.deferred.committed(1, now);
  CAF_CHECK(s.noted.later.empty() && now.empty());
}

CAF_TEST(released_records_run_in_the_order_of_their_key) {
  Subject s({.then = FinalAction::park_key});
  s.noted.is_down = true;
  s.accept(0, {1, 2, 3});
  s.records.work(s.slice);
  s.noted.is_down = false;
  CAF_CHECK(!s.released.has_more());
  s.failures.release("ann");
  CAF_CHECK(s.released.has_more());
  s.released.work(s.slice);
  CAF_CHECK(s.noted.seen == (Ns{1, 2, 3}));
  CAF_CHECK_EQUAL(s.failures.book().parked("ann"), 0u);
  CAF_CHECK(!s.released.has_more());
}

CAF_TEST(a_released_record_keeps_its_bytes_for_its_at_most_once_turn) {
  Subject s({.then = FinalAction::park_key});
  s.noted.is_down = true;
  s.accept(0, {1, 2});
  s.records.work(s.slice);
  s.noted.is_down = false;
  s.failures.release("ann");
  s.released.work(s.slice);
  (void)s.end_slice();
  OutputBuffer now;
  s.deferred.committed(1, now);
  // The first one was not parked for its at-most-once handler, the second one for all.
  CAF_CHECK(s.noted.later == (Ns{1, 2}));
}

CAF_TEST(an_input_that_is_no_record_runs_in_the_order_of_its_released_key) {
  Subject s({.then = FinalAction::park_key});
  TickReader reader(*s.runtime);
  ReleasedRecords released{s.environment, s.translator, s.placement, s.runs,
                           s.failures,    s.deferred,   {&reader}};
  s.noted.is_down = true;
  s.accept(0, {1});
  s.records.work(s.slice);
  Tick tick(9);
  Attempt attempt;
  tick.begin(attempt, 8);
  attempt.key = "ann", attempt.matched = {s.runtime->candidates(s.events()).at(0)};
  CAF_CHECK(s.failures.park_behind(attempt));
  s.accept(1, {2});
  s.records.work(s.slice);
  CAF_CHECK_EQUAL(s.failures.book().parked("ann"), 3u);
  s.noted.is_down = false;
  s.failures.release("ann");
  released.work(s.slice);
  CAF_CHECK(s.noted.seen == (Ns{1, 9, 2}));
  CAF_CHECK_EQUAL(s.failures.book().parked("ann"), 0u);
  CAF_CHECK_EQUAL(s.environment.metrics->dead_letters.value(), 0u);
}

CAF_TEST(a_parked_input_that_fails_again_stays_parked_and_one_that_no_kind_knows_becomes_a_dead_letter) {
  Subject s({.retry = {.times = 9}, .then = FinalAction::park_key});
  TickReader reader(*s.runtime);
  ReleasedRecords released{s.environment, s.translator, s.placement, s.runs,
                           s.failures,    s.deferred,   {&reader}};
  Tick tick(9);
  Attempt attempt;
  tick.begin(attempt, 8);
  attempt.key = "ann", attempt.matched = {s.runtime->candidates(s.events()).at(0)};
  CAF_CHECK(s.failures.park_behind(attempt));
  s.noted.is_down = true;
  s.failures.release("ann");
  released.work(s.slice);
  CAF_CHECK_EQUAL(s.failures.book().parked("ann"), 1u);
  s.failures.release("ann");
  s.released.work(s.slice);
  CAF_CHECK_EQUAL(s.failures.book().parked("ann"), 0u);
  CAF_CHECK_EQUAL(s.environment.metrics->dead_letters.value(), 1u);
}

CAF_TEST(an_input_that_is_no_record_has_no_turn_at_most_once) {
  Subject s;
  Tick tick(9);
  Attempt attempt;
  tick.begin(attempt, 8);
  attempt.matched = s.runtime->candidates(s.events());
  const auto bytes = std::make_shared<int>();
  CAF_CHECK(throws<std::logic_error>([&] { s.deferred.add(attempt, bytes, s.slice); }));
}

CAF_TEST(at_most_once_handlers_and_no_others_are_left_for_after_the_commit) {
  Subject s;
  Left left;
  RecordQueue queue{s.environment, s.translator, s.placement, s.runs, s.failures, left};
  queue.accept(batch_of(s.events(), {clicked("ann", 1), clicked("ann", 2)}, 5), {});
  queue.work(s.slice);
  CAF_CHECK(left.guarantees == std::vector(2, Guarantee::at_most_once));
  CAF_CHECK(left.offsets == (Ns{5, 6}));
}

CAF_TEST(a_record_that_fails_again_stays_first_of_its_key) {
  Subject s({.retry = {.times = 9}, .then = FinalAction::park_key});
  s.noted.is_down = true;
  const auto batch = batch_of(s.events(), {clicked("ann", 1)});
  s.failures.book().park("ann",
                         {.topic = "web-events",
                          .value = to_bytes(batch->records[0].value),
                          .handlers = {s.runtime->handler_id(0)},
                          .attempts = 1},
                         {});
  s.failures.release("ann");
  s.released.work(s.slice);
  CAF_CHECK(!s.released.has_more());
  CAF_CHECK_EQUAL(s.failures.book().parked("ann"), 1u);
  const ParkedRecord row = s.failures.book().first("ann").value();
  CAF_CHECK_EQUAL(row.attempts, 2);
  CAF_CHECK(s.slice.outputs().empty());
}

CAF_TEST(a_parked_record_that_does_not_decode_becomes_a_dead_letter) {
  Subject s;
  s.failures.book().park("ann", {.topic = "web-events", .value = Bytes(3), .attempts = 1}, {});
  s.failures.release("ann");
  s.released.work(s.slice);
  CAF_CHECK_EQUAL(s.failures.book().parked("ann"), 0u);
  CAF_CHECK_EQUAL(s.environment.metrics->dead_letters.value(), 1u);
}

CAF_TEST(a_parked_record_of_an_unknown_topic_becomes_a_dead_letter) {
  Subject s;
  s.failures.book().park("ann", {.topic = "gone", .value = Bytes(3), .attempts = 1}, {});
  s.failures.release("ann");
  s.released.work(s.slice);
  CAF_CHECK_EQUAL(s.environment.metrics->dead_letters.value(), 1u);
  CAF_CHECK_EQUAL(s.failures.book().totals().records, 0u);
}

}  // namespace eventy
