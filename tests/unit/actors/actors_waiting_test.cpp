// A handler that waits for a minute, in virtual time: it holds its partition, and nothing else of its
// service.
#define CAF_SUITE actors_waiting
#include "node_fixture.hpp"

namespace eventy::actors {
namespace {

using counter::Clicked;
using counter::Counted;
using counter::Tally;
using std::chrono::seconds;

constexpr seconds wait{60};
const std::string slow_key = "key-0";

struct Waiting : NodeFixture {
  std::vector<MonotonicTime> begun = {};  // of the handler that waits
  bool waits = true;

  Waiting() {
    prepare(service<Tally>("counter").on(exactly_once, [this](Turn<Tally>& turn, const Clicked&) {
      turn.emit(Counted{std::string(turn.key()), ++turn.edit().count});
      if (turn.key() != slow_key || !waits) return;
      begun.push_back(world.now());
      world.spend(wait);
    }));
  }
  static PartitionId slow_partition() { return partition_of(slow_key, partitions); }
  bool others_are_counted(std::int64_t each) {
    auto all = counted();
    for (int k = 1; k < 10; ++k) {
      const std::string key = "key-" + std::to_string(k);
      if (partition_of(key, partitions) != slow_partition() &&
          all[key].size() != static_cast<std::size_t>(each))
        return false;
    }
    return true;
  }
  bool has_bridge(std::size_t service) const {
    const auto all = world.actors_of(node);
    return std::any_of(all.begin(), all.end(), [&](const auto& known) {
      return known.role.kind == Role::Kind::bridge && known.role.service == service;
    });
  }
  bool is_waiting() const { return !begun.empty() && world.now() < begun.back() + wait; }
  void start_and_wait() {
    click(10, 10);
    start();
    run_until([&] { return !begun.empty(); });
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(waiting, Waiting)

CAF_TEST(a_partition_that_comes_back_waits_for_the_end_of_its_old_self) {
  start_and_wait();
  for (int i = 0; i < 5; ++i) {
    store.revoke("counter", slow_partition());
    world.advance(seconds(2));
    run_ready();
    store.assign("counter", "node", slow_partition());
    world.advance(seconds(2));
    run_ready();
  }
  CAF_CHECK(others_are_counted(1));
  CAF_CHECK_EQUAL(begun.size(), 1u);
  run_until([&] { return begun.size() > 1; });
  CAF_CHECK(begun[1] >= begun[0] + wait);
  waits = false;
  run();
  CAF_CHECK(counted_exactly(10, 1));
}

CAF_TEST(a_new_session_does_not_wait_for_a_handler_of_the_old_one) {
  start_and_wait();
  click(10, 10);
  store.fail_poll("counter", {ErrorCode::io, "the connection broke"});
  run_until([&] { return others_are_counted(2); });
  CAF_CHECK(is_waiting());
  CAF_CHECK_EQUAL(faults->sessions, 2);
  waits = false;
  run();
  CAF_CHECK(counted_exactly(10, 2));
}

CAF_TEST(a_new_session_waits_for_the_end_of_the_old_bridge) {
  waits = false;
  setup.supervision.strategy = Strategy::one_for_all;
  faults->on_poll = [this] { world.spend(seconds(5)); };
  faults->loads_to_fail = 1;
  click(10, 10);
  start();
  std::size_t most = 0;
  run_until([&] {
    const auto all = world.actors_of(node);
    const auto bridges = std::count_if(
        all.begin(), all.end(), [](const auto& known) { return known.role.kind == Role::Kind::bridge; });
    most = std::max(most, static_cast<std::size_t>(bridges));
    return faults->sessions == 2;
  });
  CAF_CHECK_EQUAL(most, 1u);
  faults->on_poll = [] {};
  run();
  CAF_CHECK(counted_exactly(10, 1));
}

CAF_TEST(an_aborted_cycle_does_not_make_a_handler_wait_twice) {
  store.next_commit("counter", MemoryStore::CommitFate::aborts);
  start_and_wait();
  run();
  CAF_CHECK(counted_exactly(10, 1));
  CAF_CHECK_EQUAL(begun.size(), 1u);
}

CAF_TEST(a_drain_hands_over_all_but_the_partition_that_waits_and_the_session_ends_then) {
  setup.bridge.hand_over_after = seconds(3);
  start_and_wait();
  tell_node(msg::Drain{});
  run_until([&] { return state() == NodeState::handed_over; });
  CAF_CHECK(is_waiting());
  CAF_CHECK(others_are_counted(1));
  run_ready();
  CAF_CHECK(!has_bridge(0));
  CAF_CHECK(is_waiting());
}

CAF_TEST(a_service_that_is_drained_ends_whatever_the_others_are_about) {
  further.push_back(setup);
  further.back().runtime =
      runtime_of(service<>("quick").on(exactly_once, [](Turn<NoState>&, const Clicked&) {}));
  further.back().open_session = [&, runtime = further.back().runtime] {
    store.ensure_topics(runtime->topic_specs(partitions)).value();
    return store.open_session(runtime->session_options("node"));
  };
  start_and_wait();
  tell_node(msg::Drain{});
  run_until([&] { return !has_bridge(1); });
  CAF_CHECK(is_waiting());
  CAF_CHECK(state() == NodeState::running);
  run();
  CAF_CHECK(state() == NodeState::drained);
}

CAF_TEST_FIXTURE_SCOPE_END()

}  // namespace eventy::actors
