// Handlers that wait for long, seen from the bridge: what they do outlives what is undone beside them, and a
// service that drains does not wait for them longer than it may.
#define CAF_SUITE engine_waiting_handlers

#include <caf/test/unit_test.hpp>

#include "counter_fixture.hpp"

using namespace eventy;
using namespace eventy::counting;
using Fate = MemoryStore::CommitFate;

namespace {

// Counts, and how often its handler ran for each key.
struct World {
  std::map<std::string, int> runs = {};
  Fixture f;
  const std::string other = key_beside("ann");
  const PartitionId slow = partition_of("ann", 2), quick = partition_of(other, 2);

  explicit World(BridgeOptions bridge = {}) : f(counter(), 2, bridge) {}
  Service counter() {
    return service<Tally>("counter").on(exactly_once, [this](Turn<Tally>& turn, const Clicked& c) {
      ++runs[std::string(turn.key())];
      turn.edit().n += c.n;
      turn.emit(Counted{"sum", turn.edit().n});
    });
  }
  // The other key's slice is in the open cycle, and the slice of "ann" is being made.
  void begin_both() {
    f.settle();
    f.click(1, other);
    f.node->round();
    f.click(5);
    f.node->poll();
    f.node->work();
    CAF_REQUIRE_EQUAL(f.node->waiting_slices(), 1u);
    CAF_REQUIRE_EQUAL(runs["ann"], 1);
  }
  void check_all_is_counted(std::int64_t ann) {
    CAF_CHECK_EQUAL(f.state(), ann);
    CAF_CHECK_EQUAL(f.state(other), 1);
    std::set<std::string> uuids;
    for (const auto& s : f.seen()) uuids.insert(s.uuid);
    CAF_CHECK_EQUAL(uuids.size(), f.seen().size());
  }
};

}  // namespace

CAF_TEST(a_slice_that_is_being_made_outlives_a_cycle_that_is_undone) {
  World w;
  w.f.store.next_commit("counter", Fate::aborts);
  w.begin_both();
  w.f.commit();  // the other one's, which is undone
  CAF_CHECK_EQUAL(w.f.node->bridge().stats().aborted, 1u);
  w.f.node->hand_over();
  w.f.settle();
  CAF_CHECK_EQUAL(w.runs["ann"], 1);
  CAF_CHECK_EQUAL(w.runs[w.other], 2);
  w.check_all_is_counted(5);
}

CAF_TEST(a_slice_that_is_being_made_outlives_a_crash_beside_it) {
  World w;
  w.begin_both();
  w.f.node->crash(w.quick.value);
  w.f.node->start_again(w.quick.value);
  w.f.node->hand_over();
  w.f.settle();
  CAF_CHECK_EQUAL(w.runs["ann"], 1);
  w.check_all_is_counted(5);
}

CAF_TEST(what_is_read_again_after_that_is_handled_once) {
  World w;
  w.f.store.next_commit("counter", Fate::aborts);
  w.begin_both();
  w.f.commit();
  w.f.click(2);  // comes in one batch with what is in hand
  w.f.node->poll();
  w.f.node->work();
  w.f.click(3);
  w.f.settle();
  CAF_CHECK_EQUAL(w.runs["ann"], 3);
  w.check_all_is_counted(10);
}

CAF_TEST(a_partition_whose_batches_are_all_in_hand_goes_on_after_that) {
  World w({.max_batches_in_flight = 1});
  w.f.store.next_commit("counter", Fate::aborts);
  w.begin_both();
  w.f.commit();
  for (int i = 0; i < 3; ++i) w.f.click(1), w.f.node->poll();
  w.f.settle(40);
  CAF_CHECK_EQUAL(w.runs["ann"], 4);
  w.check_all_is_counted(8);
}

CAF_TEST(a_slice_that_came_while_an_outcome_was_awaited_is_made_again) {
  World w;
  w.f.store.next_commit("counter", Fate::held);
  w.begin_both();
  w.f.commit();  // in flight
  w.f.node->crash(w.quick.value);
  w.f.node->hand_over();  // is dropped
  w.f.store.resume_commit("counter");
  w.f.settle();
  w.f.node->start_again(w.quick.value);
  w.f.settle();
  CAF_CHECK_EQUAL(w.runs["ann"], 2);
  w.check_all_is_counted(5);
}

CAF_TEST(a_partition_that_starts_again_before_an_outcome_begins_from_its_commit) {
  World w;
  w.f.store.next_commit("counter", Fate::held);
  w.begin_both();
  w.f.commit();  // in flight
  w.f.node->crash(w.slow.value);
  w.f.node->start_again(w.slow.value);
  w.f.store.resume_commit("counter");
  w.f.settle();
  w.check_all_is_counted(5);
  CAF_CHECK(w.f.node->bridge().idle());
}

CAF_TEST(a_partition_with_a_slice_in_the_undone_cycle_begins_again_from_its_commit) {
  World w;
  w.f.store.next_commit("counter", Fate::aborts);
  w.begin_both();
  w.f.node->hand_over();
  w.f.click(2);
  w.f.node->poll();
  w.f.node->work();  // upon what is undone now
  w.f.commit();
  w.f.node->hand_over();
  w.f.settle();
  CAF_CHECK_EQUAL(w.runs["ann"], 4);
  w.check_all_is_counted(7);
}

CAF_TEST(a_drain_that_a_handler_holds_up_lets_the_others_go_after_a_while) {
  World w({.hand_over_after = Duration(1000)});
  w.begin_both();
  auto& bridge = w.f.node->bridge();
  bridge.drain();
  w.f.commit();
  CAF_CHECK(!bridge.drained());
  CAF_CHECK(bridge.held_up().empty());
  CAF_REQUIRE(bridge.wake_at());
  w.f.clock.advance(std::chrono::duration_cast<Duration>(*bridge.wake_at() - w.f.clock.now()));
  CAF_CHECK(bridge.held_up() == std::vector{TaskId{w.slow}});
  CAF_CHECK(!bridge.wake_at());
  w.f.node->hand_over();
  w.f.commit();
  CAF_CHECK(bridge.drained());
  CAF_CHECK(bridge.held_up().empty());
}

CAF_TEST(a_drain_with_nobody_to_let_go_waits_for_its_handlers_unless_they_share_threads) {
  for (const bool share : {false, true}) {
    World w({.hand_over_after = Duration(1000), .hands_over_all = share});
    w.f.settle();
    w.f.click(1), w.f.click(1, w.other);
    w.f.node->poll();
    w.f.node->work();
    w.f.node->bridge().drain();
    w.f.clock.advance(Duration(100'000));
    CAF_CHECK_EQUAL(w.f.node->bridge().held_up().size(), share ? 2u : 0u);
  }
}
