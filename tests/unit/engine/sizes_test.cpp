// Keys and states that a store does not take are failures of their turn, under its policy: no session ends
// because of one record.
#define CAF_SUITE engine_sizes

#include <caf/test/unit_test.hpp>

#include "../../support/shell_session.hpp"
#include "counter_fixture.hpp"
#include "eventy/engine/parking.hpp"

namespace {

using namespace eventy;
using namespace eventy::counting;

constexpr std::size_t most = 2'000;

// A store whose states are small.
class SmallStates final : public support::ShellSession {
 public:
  using ShellSession::ShellSession;
  std::size_t max_state_size() const override { return most; }
  Result<void> append(const SliceEffects& effects) override {
    for (const auto& change : effects.state)
      if (change.value && change.key.size() + change.value->size() > most)
        return Error{ErrorCode::too_large, "the state of a key is too large"};
    return inner_->append(effects);
  }
};

struct Notes {
  std::vector<std::string> lines = {};
  std::int64_t clicks = 0;
  EVENTY_FIELDS(lines, clicks);
};

// Notes a line of as many characters as the click says.
Service notes(OnFailure policy = {}) {
  return service<Notes>("counter")
      .on(exactly_once,
          [](Turn<Notes>& turn, const Clicked& c) {
            ++turn.edit().clicks;
            turn.edit().lines.push_back(std::string(static_cast<std::size_t>(c.n), '\n'));
            turn.emit(Counted{std::string(turn.key()), turn.state()->clicks});
          })
      .on_failure(std::move(policy));
}

struct Small : Fixture {
  explicit Small(OnFailure policy = {}) : Fixture(notes()) {
    node = std::make_unique<LocalService>(
        store, notes(std::move(policy)), options(), BridgeOptions{}, clock, 1, "node",
        [](LocalService::Session s) { return std::make_unique<SmallStates>(std::move(s)); });
    settle();
  }
  Notes notes_of(const std::string& key) {
    Notes found;
    for_each_state<Notes>(store, *testing::plain_state_format(), "counter",
                          [&](PartitionId, std::string_view k, const Notes& n) {
                            if (k == key) found = n;
                          })
        .value();
    return found;
  }
  std::vector<std::string> reasons() {
    std::vector<std::string> out;
    for (const auto& letter : support::log_of(store, "counter-dead-letters", 0))
      for (const auto& [name, value] : letter.headers)
        if (name == dead_letter::reason) out.push_back(value);
    return out;
  }
};

}  // namespace

CAF_TEST(a_state_over_what_the_store_takes_is_a_failure_of_its_turn) {
  Small s;
  s.click(100), s.click(5'000), s.click(200), s.click(300, "bob");
  s.settle();
  CAF_CHECK_EQUAL(s.notes_of("ann").clicks, 2);
  CAF_CHECK_EQUAL(s.notes_of("ann").lines.size(), 2u);
  CAF_CHECK_EQUAL(s.notes_of("bob").clicks, 1);
  CAF_CHECK_EQUAL(s.seen().size(), 3u);
  const auto reasons = s.reasons();
  CAF_REQUIRE_EQUAL(reasons.size(), 1u);
  CAF_CHECK(reasons[0].starts_with("a state of 5") && reasons[0].ends_with("what the store takes, 2000"));
}

CAF_TEST(a_state_that_grows_over_it_little_by_little_fails_where_it_does) {
  Small s;
  for (int i = 0; i < 30; ++i) s.click(100);
  s.settle(40);
  const auto kept = s.notes_of("ann").clicks;
  CAF_CHECK(kept > 15 && kept < 20);
  CAF_CHECK_EQUAL(s.reasons().size(), static_cast<std::size_t>(30 - kept));
}

CAF_TEST(a_key_over_what_states_may_have_is_a_failure_of_its_turn) {
  for (const auto then : {Last::dead_letter, Last::park_key}) {
    Small s({.then = then});
    const std::string key(70'000, 'k');
    s.click(1), s.click(1, key), s.click(1);
    s.settle();
    CAF_CHECK_EQUAL(s.notes_of("ann").clicks, 2);
    const auto reasons = s.reasons();
    CAF_REQUIRE_EQUAL(reasons.size(), 1u);
    CAF_CHECK_EQUAL(reasons[0], "a key of 70000 bytes is over the limit of keys with a state, 65536");
  }
}

CAF_TEST(a_record_that_no_store_takes_as_a_parked_row_becomes_a_dead_letter) {
  Small s({.then = Last::park_key});
  Record record(Kind::event, "urn:web", "Clicked", "urn:web");
  record.set_partition_key("ann");
  record.data = {{"n", Value{std::int64_t{5'000}}}, {"more", Value{std::string(3'000, 'x')}}};
  const auto encoder = testing::plain_serializer()->make_encoder();
  s.store.append("web-events", {{.key = "ann", .value = encode(record, *encoder)}}).value();
  s.click(1);
  s.settle();
  CAF_CHECK_EQUAL(s.reasons().size(), 1u);
  CAF_CHECK_EQUAL(s.notes_of("ann").clicks, 1);
}
