// One turn of one handler: what it stages and where, and what it may be run for.
#define CAF_SUITE engine_turn_run
#include "runtime/engine/turn_run.hpp"

#include <caf/test/unit_test.hpp>

#include "parts_fixture.hpp"

namespace eventy {
namespace {

using namespace parts;

using Code = std::function<void(Turn<Page>&, const Clicked&)>;

struct Subject : Parts {
  explicit Subject(const Code& code) : Parts(clicks_with<Page>({}, code)) {}

  std::size_t run(TurnRun::State state = TurnRun::State::of_key) {
    batch = batch_of(events(), {clicked("ann", 4)});
    translator.read(view_of(*batch, 0), attempt);
    translator.match(attempt);
    translator.find_key(attempt);
    return turns.run(attempt.matched.at(0), attempt, state, out);
  }
  std::string uuid_of_output(std::size_t i) {
    const std::string bytes = std::string(out.value(out.entries.at(i)));
    return decode(bytes, *testing::plain_serializer()->make_decoder()).uuid();
  }

  Outbox outbox{routes};
  KeyStates states{routes, {0}, rows};
  Translator translator{*runtime};
  TurnRun turns{environment, states, outbox};
  Attempt attempt;
  std::shared_ptr<const Batch> batch;
  OutputBuffer out;
};

}  // namespace

CAF_TEST(a_turn_stages_outputs_and_state) {
  Subject s([](Turn<Page>& turn, const Clicked& c) {
    turn.edit().text = "seen " + std::string(turn.key());
    turn.emit(Counted{"a", c.n});
    turn.emit(Counted{"b", c.n});
  });
  CAF_CHECK(s.run() > 0);
  CAF_CHECK_EQUAL(s.out.entries.size(), 2u);
  CAF_CHECK(s.uuid_of_output(0) != s.uuid_of_output(1));
  CAF_CHECK(s.states.is_edited());
  CAF_CHECK_EQUAL(static_cast<const Page*>(s.states.state())->text, "seen ann");
  CAF_CHECK_EQUAL(s.environment.metrics->turns.value(), 1u);
}

CAF_TEST(a_repeat_of_a_turn_has_the_same_uuids) {
  Subject s([](Turn<Page>& turn, const Clicked& c) { turn.emit(Counted{"a", c.n}); });
  const auto record = clicked("ann", 1);
  s.batch = batch_of(s.events(), {record});
  for (int i = 0; i < 2; ++i) {
    s.translator.read(view_of(*s.batch, 0), s.attempt);
    s.translator.match(s.attempt);
    s.translator.find_key(s.attempt);
    s.turns.run(s.attempt.matched.at(0), s.attempt, TurnRun::State::of_key, s.out);
  }
  CAF_CHECK_EQUAL(s.uuid_of_output(0), s.uuid_of_output(1));
}

CAF_TEST(a_turn_without_state_cannot_edit_one) {
  Subject s([](Turn<Page>& turn, const Clicked&) { (void)turn.edit(); });
  CAF_CHECK(throws<std::logic_error>([&] { (void)s.run(TurnRun::State::none); }));
}

CAF_TEST(outputs_inherit_what_a_turn_sets_in_the_context) {
  Subject s([](Turn<Page>& turn, const Clicked& c) {
    turn.set_context("page", "front");
    turn.emit(Counted{"a", c.n});
  });
  s.run();
  const std::string bytes = std::string(s.out.value(s.out.entries.at(0)));
  const Record record = decode(bytes, *testing::plain_serializer()->make_decoder());
  CAF_CHECK(record.context.at("urn:counter").contains("page"));
}

CAF_TEST(a_turn_may_handle_an_input_that_is_no_record) {
  std::int64_t got = 0;
  bool has_meta = true;
  Subject s([&](Turn<Page>& turn, const Clicked& c) {
    got = c.n;
    turn.edit().text = "ticked";
    turn.emit(Counted{"tick", c.n});
    try {
      (void)turn.meta();
    } catch (const std::logic_error&) {
      has_meta = false;
    }
  });
  Tick tick(9);
  Attempt attempt;
  tick.begin(attempt, 3);
  attempt.key = "ann";
  s.turns.run(s.runtime->candidates(s.events()).front(), attempt, TurnRun::State::of_key, s.out);
  CAF_CHECK_EQUAL(got, 9);
  CAF_CHECK(!has_meta);
  CAF_CHECK_EQUAL(s.out.entries.size(), 1u);
  CAF_CHECK(s.states.is_edited());
}

CAF_TEST(what_is_not_the_inputs_fault_is_thrown_on) {
  Subject s([](Turn<Page>&, const Clicked& c) {
    if (c.n == 4) throw Failure({ErrorCode::corrupt, "a store"});
  });
  bool is_crash = false;
  try {
    s.run();
  } catch (...) {
    try {
      s.turns.rethrow_crash(nullptr);
    } catch (const Failure&) {
      is_crash = true;
    }
  }
  CAF_CHECK(is_crash);
}

}  // namespace eventy
