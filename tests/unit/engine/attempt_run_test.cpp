// The turns of one attempt: all of them in one slice, or nothing of them.
#define CAF_SUITE engine_attempt_run
#include "runtime/engine/attempt_run.hpp"

#include <caf/test/unit_test.hpp>

#include "parts_fixture.hpp"

namespace eventy {
namespace {

using namespace parts;
using counting::Busy;

// What the handlers do; each notes its runs.
struct Script {
  std::function<void(Turn<Page>&)> at_least_once = [](auto&) {};
  std::function<void(Turn<Page>&)> exactly_once = [](auto&) {};
  int first = 0, second = 0, at_most_once = 0;  // runs
};

Service scripted(Script& script, FailurePolicy policy) {
  return service<Page>("counter")
      .on(at_least_once,
          [&script](Turn<Page>& turn, const Clicked&) { ++script.first, script.at_least_once(turn); })
      .on(exactly_once,
          [&script](Turn<Page>& turn, const Clicked&) { ++script.second, script.exactly_once(turn); })
      .on(at_most_once, [&script](StatelessTurn&, const Clicked&) { ++script.at_most_once; })
      .on_failure(std::move(policy));
}

struct Subject : Parts {
  explicit Subject(Script& script, FailurePolicy policy = {}, const Layout& layout = {})
      : Parts(
            scripted(script, std::move(policy)), [](auto&) {}, layout) {
    failures.book().load();
    slice.begin({1}, SliceDraft::Expected::nothing);
  }
  bool read(const Record& record) {
    batch = batch_of(events(), {record});
    if (!runs.read(view_of(*batch, 0), attempt)) return false;
    translator.match(attempt);
    translator.find_key(attempt);
    return true;
  }
  bool run() { return read(clicked("ann", 1)) && runs.run(attempt); }
  std::string page() {
    states.open("ann");
    const auto* page = static_cast<const Page*>(states.state());
    return page ? page->text : "none";
  }

  Outbox outbox{routes};
  KeyStates states{routes, {0}, rows};
  SliceDraft slice{environment};
  Translator translator{*runtime};
  TurnRun turns{environment, states, outbox};
  FailureHandling failures{environment, rows, outbox, slice};
  AttemptRun runs{environment, translator, states, turns, failures, slice};
  Attempt attempt;
  std::shared_ptr<const Batch> batch;
};

const FailurePolicy retried{.retry = {.times = 1, .first = Duration(100)}};

}  // namespace

CAF_TEST(all_turns_of_a_commit_cycle_run_and_those_at_most_once_do_not) {
  Script script;
  Subject s(script);
  CAF_CHECK(s.run());
  CAF_CHECK_EQUAL(script.first, 1);
  CAF_CHECK_EQUAL(script.second, 1);
  CAF_CHECK_EQUAL(script.at_most_once, 0);
}

CAF_TEST(outputs_at_least_once_go_out_at_once_and_those_exactly_once_with_the_cycle) {
  Script script;
  script.at_least_once = [](auto& turn) { turn.emit(Counted{"now", 1}); };
  script.exactly_once = [](auto& turn) { turn.emit(Counted{"later", 1}), turn.emit(Counted{"later", 2}); };
  Subject s(script);
  CAF_CHECK(s.run());
  CAF_CHECK_EQUAL(s.slice.immediate().entries.size(), 1u);
  CAF_CHECK_EQUAL(s.slice.outputs().entries.size(), 2u);
}

CAF_TEST(outputs_at_least_once_of_a_turn_that_changed_state_go_out_with_the_cycle) {
  Script script;
  script.at_least_once = [](auto& turn) { turn.emit(Counted{"now", 1}), turn.edit().text = "seen"; };
  Subject s(script);
  CAF_CHECK(s.run());
  CAF_CHECK(s.slice.immediate().empty());
  CAF_CHECK_EQUAL(s.slice.outputs().entries.size(), 1u);
}

CAF_TEST(a_turn_that_fails_undoes_the_turns_before_it) {
  Script script;
  script.at_least_once = [](auto& turn) { turn.edit().text = "first", turn.emit(Counted{"a", 1}); };
  Subject s(script, retried);
  CAF_CHECK(s.run());
  const auto outputs = Outbox::savepoint(s.slice.outputs());
  script.at_least_once = [](auto& turn) { turn.emit(Counted{"now", 1}); };
  script.exactly_once = [](auto& turn) {
    turn.edit().text = "second", turn.emit(Counted{"a", 2});
    throw Busy("busy");
  };
  CAF_CHECK(!s.run());
  CAF_CHECK(s.slice.immediate().empty());
  CAF_CHECK_EQUAL(s.slice.outputs().entries.size(), outputs.entries);
  CAF_CHECK_EQUAL(s.slice.outputs().bytes.size(), outputs.bytes);
  CAF_CHECK_EQUAL(s.page(), "first");
  CAF_CHECK(s.failures.waits_until().has_value());
}

CAF_TEST(a_handler_that_gives_up_is_left_out_and_the_others_run_again) {
  Script script;
  script.at_least_once = [](auto& turn) { turn.edit().text += 'x', turn.emit(Counted{"a", 1}); };
  script.exactly_once = [](auto&) { throw Busy("busy"); };
  Subject s(script);
  CAF_CHECK(s.run());
  CAF_CHECK_EQUAL(script.first, 2);
  CAF_CHECK_EQUAL(script.second, 1);
  CAF_CHECK_EQUAL(s.page(), "x");
  CAF_CHECK_EQUAL(s.slice.outputs().entries.size(), 1u);
  CAF_REQUIRE_EQUAL(s.attempt.failed.size(), 1u);
  CAF_CHECK(s.attempt.failed[0].gave_up);
  CAF_CHECK_EQUAL(s.attempt.failed[0].reason, "busy");
}

CAF_TEST(what_a_turn_set_in_the_context_is_forgotten_with_it) {
  Script script;
  script.at_least_once = [](auto& turn) { turn.emit(Counted{"a", 1}); };
  script.exactly_once = [](auto& turn) {
    turn.set_context("page", "front");
    throw Busy("busy");
  };
  Subject s(script);
  CAF_CHECK(s.run());
  const auto& out = s.slice.immediate();
  CAF_REQUIRE_EQUAL(out.entries.size(), 1u);
  const std::string bytes(out.value(out.entries[0]));
  CAF_CHECK(decode(bytes, *testing::plain_serializer()->make_decoder()).context.empty());
  CAF_CHECK(s.attempt.context.is_empty());
}

CAF_TEST(outputs_that_no_cycle_can_hold_fail_the_turn) {
  Script script;
  script.exactly_once = [](auto& turn) {
    for (int i = 0; i < 10; ++i) turn.emit(Counted{std::string(100, 'x'), i});
  };
  Subject s(script, {}, {.max_slice_bytes = 1'000});
  CAF_CHECK(s.run());
  CAF_CHECK(s.slice.outputs().empty());
  CAF_REQUIRE_EQUAL(s.attempt.failed.size(), 1u);
  CAF_CHECK(s.attempt.failed[0].reason.find("over a quarter") != std::string::npos);
}

CAF_TEST(an_error_that_is_not_the_inputs_fault_ends_the_task) {
  Script script;
  script.exactly_once = [](auto&) { throw Failure({ErrorCode::corrupt, "a store"}); };
  Subject s(script, retried);
  CAF_CHECK(throws<Failure>([&] { (void)s.run(); }));
  CAF_CHECK_EQUAL(s.environment.metrics->failed_turns.value(), 0u);
}

CAF_TEST(a_record_for_another_service_is_dropped) {
  Script script;
  Subject s(script);
  Record record(Kind::response, "urn:web", "Clicked", "urn:web");
  record.set_destination("urn:another").set_request_uuid(record.uuid());
  CAF_CHECK(!s.read(record));
  CAF_CHECK_EQUAL(s.environment.metrics->dropped.value(), 1u);
  CAF_CHECK(s.slice.outputs().empty());
}

CAF_TEST(a_record_that_does_not_decode_becomes_a_dead_letter_with_its_bytes) {
  Script script;
  Subject s(script);
  const std::string bytes = "no record" + std::string(value_padding, '\0');
  CAF_CHECK(!s.runs.read({.topic = s.events(), .value = std::string_view(bytes).substr(0, 9)}, s.attempt));
  const auto& out = s.slice.outputs();
  CAF_REQUIRE_EQUAL(out.entries.size(), 1u);
  CAF_CHECK_EQUAL(out.value(out.entries[0]), "no record");
  CAF_CHECK(out.entries[0].topic == ServiceRuntime::dead_letters);
}

}  // namespace eventy
