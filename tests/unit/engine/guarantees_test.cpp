// The guarantees as a reader of the store sees them, while commits fail, answers get lost and partitions
// crash: the engines of bridge and partitions on the memory store, step by step.
#define CAF_SUITE guarantees

#include <caf/test/unit_test.hpp>

#include <algorithm>

#include "../../support/shell_session.hpp"
#include "counter_fixture.hpp"

namespace {

using namespace eventy;
using namespace eventy::counting;
using Fate = MemoryStore::CommitFate;

Service counter() {
  return service<Tally>("counter").on(exactly_once, [](Turn<Tally>& turn, const Clicked& c) {
    turn.emit(Counted{"exactly", turn.edit().n += c.n});
  });
}
Service at_least() {
  return service<>("counter").on<Clicked>(at_least_once, [](auto& turn, const Clicked& c) {
    turn.emit(Counted{"at least", c.n});
  });
}
Service at_most(std::shared_ptr<int> runs) {
  return service<>("counter").on<Clicked>(at_most_once, [runs](auto& turn, const Clicked& c) {
    ++*runs;
    turn.emit(Counted{"at most", c.n});
  });
}

// The commit of click 1 is in flight and held; click 2 is in the next cycle, which is full.
struct FullCycleBehindACommit : Fixture {
  FullCycleBehindACommit() : Fixture(counter(), 1, {.cycle = {.max_bytes = 1}}) {
    store.next_commit("counter", Fate::held);
    click(1);
    settle();
    click(2);
    settle();
  }
};

}  // namespace

CAF_TEST(exactly_once_outputs_and_state_appear_with_the_commit_and_not_before) {
  Fixture f(counter());
  f.click(1), f.click(2);
  f.node->round(), f.node->round();
  CAF_CHECK_EQUAL(f.seen().size(), 0u);
  CAF_CHECK_EQUAL(f.state(), 0);
  f.commit();
  CAF_CHECK_EQUAL(f.seen().size(), 2u);
  CAF_CHECK_EQUAL(f.state(), 3);
  CAF_CHECK_EQUAL(f.store.position("counter", "web-events", {0}).value().value, 2);
}

CAF_TEST(a_slow_handler_ends_its_slice_early) {
  testing::VirtualClock* clock = nullptr;
  int runs = 0;
  Fixture f(service<>("counter").on<Clicked>(exactly_once, [&](auto&, const Clicked&) {
    const bool fast = ++runs > 30 && runs <= 200;  // in between
    clock->advance(Duration(fast ? 0 : 10));
  }));
  clock = &f.clock;
  for (int i = 0; i < 400; ++i) f.click(1);
  std::vector<int> slices;
  for (int before = 0; before < 400; before = runs) {
    f.node->round();
    slices.push_back(runs - before);
    CAF_REQUIRE_LESS(slices.size(), 100u);
  }
  std::erase(slices, 0);
  CAF_REQUIRE_GREATER(slices.size(), 5u);
  CAF_CHECK((std::vector(slices.begin(), slices.begin() + 4) == std::vector{10, 10, 10, 180}));
  CAF_CHECK_LESS(*std::max_element(slices.begin() + 4, slices.end()), 23);  // after it looked less often
}

CAF_TEST(an_aborted_cycle_is_undone_and_redone_once) {
  Fixture f(counter());
  f.click(1);
  f.node->round(), f.node->round();
  f.store.next_commit("counter", Fate::aborts);
  f.commit();
  CAF_CHECK_EQUAL(f.node->bridge().stats().aborted, 1u);
  CAF_CHECK_EQUAL(f.seen().size(), 0u);
  f.click(2);
  f.settle();
  const auto seen = f.seen();
  CAF_REQUIRE_EQUAL(seen.size(), 2u);
  CAF_CHECK_EQUAL(seen[0].n, 1);
  CAF_CHECK_EQUAL(seen[1].n, 3);
  CAF_CHECK_EQUAL(f.state(), 3);
}

// As where the disk is full.
CAF_TEST(cycles_that_are_undone_in_a_row_are_done_again_after_rests) {
  Fixture f(counter());
  f.click(1);
  const auto aborted = [&] { return f.node->bridge().stats().aborted; };
  const auto undo = [&] {
    f.store.next_commit("counter", Fate::aborts);
    for (const auto before = aborted(); aborted() == before; f.node->round()) f.clock.advance(Duration(10));
  };
  undo(), undo();
  std::vector<std::int64_t> rests;
  for (int i = 0; i < 8; ++i) {
    undo();
    const auto rest = f.node->bridge().wake_at().value() - f.clock.now();
    rests.push_back(std::chrono::duration_cast<Duration>(rest).count());
  }
  CAF_CHECK((rests == std::vector<std::int64_t>{100, 200, 400, 800, 1600, 3200, 5000, 5000}));
  f.click(2);
  f.settle();
  CAF_CHECK_EQUAL(f.seen().size(), 0u);  // nothing is handed out before its end
  f.clock.advance(std::chrono::seconds(5));
  f.settle();
  CAF_CHECK_EQUAL(f.state(), 3);
  CAF_CHECK_EQUAL(f.seen().size(), 2u);
}

struct WrongClock final : support::ShellSession {
  WrongClock(std::unique_ptr<StoreSession> of, const bool& now) : ShellSession(std::move(of)), wrong(now) {}
  Result<void> write_now(const OutputBuffer& outputs) override {
    if (wrong) return Error{ErrorCode::clock, "the clock is ahead"};
    return inner_->write_now(outputs);
  }
  const bool& wrong;
};

CAF_TEST(what_is_written_at_once_waits_for_a_clock_that_is_wrong_and_nothing_is_lost) {
  const auto run = [](auto guarantee) {
    const Service saying = service<>("counter").on<Clicked>(guarantee, [](auto& turn, const Clicked& c) {
      turn.emit(Counted{"said", c.n});
    });
    bool wrong = false;
    Fixture f(saying);
    f.node = std::make_unique<LocalService>(
        f.store, saying, f.options(), BridgeOptions{}, f.clock, 1, "node",
        [&](LocalService::Session s) { return std::make_unique<WrongClock>(std::move(s), wrong); });
    f.click(1);
    f.settle();
    wrong = true;
    f.click(2), f.click(3);
    f.settle(400);
    CAF_CHECK_EQUAL(f.seen().size(), 1u);
    const std::string lines = f.lines.str();
    CAF_CHECK(lines.find("the clock is ahead") != lines.npos);
    CAF_CHECK_EQUAL(lines.find("the clock is ahead"), lines.rfind("the clock is ahead"));
    wrong = false;
    f.settle(200);
    f.click(4);
    f.settle();
    std::vector<std::int64_t> said;
    for (const auto& seen : f.seen()) said.push_back(seen.n);
    CAF_CHECK(said == (std::vector<std::int64_t>{1, 2, 3, 4}));
    CAF_CHECK(support::log_of(f.store, "counter-dead-letters", 0).empty());
  };
  run(at_least_once);
  run(at_most_once);
}

CAF_TEST(an_unknown_outcome_is_resolved_never_guessed) {
  for (const Fate fate : {Fate::unknown_but_committed, Fate::unknown_and_aborted}) {
    Fixture f(counter());
    f.click(1);
    f.node->round(), f.node->round();
    f.store.next_commit("counter", fate);
    f.commit();
    f.click(2);
    f.settle();
    const auto seen = f.seen();
    CAF_REQUIRE_EQUAL(seen.size(), 2u);
    CAF_CHECK_EQUAL(seen[1].n, 3);
    CAF_CHECK_EQUAL(f.state(), 3);
  }
}

CAF_TEST(what_arrives_while_a_commit_is_in_flight_belongs_to_the_next_cycle) {
  Fixture f(counter());
  f.click(1);
  f.node->round(), f.node->round();
  f.store.next_commit("counter", Fate::held);
  f.commit();
  CAF_CHECK_EQUAL(f.seen().size(), 0u);
  f.click(2);
  f.settle(4);
  CAF_CHECK_EQUAL(f.seen().size(), 0u);
  CAF_CHECK_EQUAL(f.node->bridge().stats().cycles, 0u);
  f.store.resume_commit("counter");
  f.settle();
  CAF_CHECK_EQUAL(f.node->bridge().stats().cycles, 2u);
  CAF_CHECK_EQUAL(f.seen().size(), 2u);
  CAF_CHECK_EQUAL(f.state(), 3);
}

CAF_TEST(no_input_is_taken_while_a_full_cycle_waits_for_the_commit_before_it) {
  FullCycleBehindACommit f;
  CAF_CHECK_EQUAL(f.node->bridge().stats().records, 2u);
  f.click(3);
  f.settle();
  CAF_CHECK_EQUAL(f.node->bridge().stats().records, 2u);
  f.store.resume_commit("counter");
  f.settle();
  CAF_CHECK_EQUAL(f.node->bridge().stats().records, 3u);
  CAF_CHECK_EQUAL(f.state(), 6);
}

CAF_TEST(input_flows_again_after_a_full_cycle_was_undone) {
  FullCycleBehindACommit f;
  f.node->crash(0);
  f.store.resume_commit("counter");
  f.settle();
  f.node->start_again(0);
  f.click(3);
  f.settle();
  CAF_CHECK_EQUAL(f.state(), 6);
  CAF_CHECK_EQUAL(f.seen().size(), 3u);
}

CAF_TEST(slices_from_before_a_rewind_are_dropped) {
  Fixture f(counter());
  f.click(1);
  f.node->round(), f.node->round();
  f.click(2);
  f.node->poll();
  f.node->work();
  CAF_REQUIRE_EQUAL(f.node->waiting_slices(), 1u);  // in a mailbox while the cycle before it is aborted
  f.store.next_commit("counter", Fate::aborts);
  f.commit();
  f.node->hand_over();
  CAF_CHECK_EQUAL(f.node->bridge().stats().stale_slices, 1u);
  f.settle();
  CAF_CHECK_EQUAL(f.seen().size(), 2u);
  CAF_CHECK_EQUAL(f.state(), 3);
}

CAF_TEST(what_comes_after_a_pause_is_committed_at_once_and_what_follows_an_interval_later) {
  Fixture f(counter());
  f.click(1);
  f.settle();
  f.click(2);
  f.node->round(), f.node->round(), f.node->round();
  CAF_CHECK_EQUAL(f.seen().size(), 2u);
  f.click(3);
  f.node->round(), f.node->round(), f.node->round();
  CAF_CHECK_EQUAL(f.seen().size(), 2u);
  f.commit();
  CAF_CHECK_EQUAL(f.seen().size(), 3u);
}

CAF_TEST(a_crashed_partition_takes_its_uncommitted_slices_with_it_and_starts_from_committed_state) {
  Fixture f(counter());
  f.click(1);
  f.settle();
  f.click(2);
  f.node->round(), f.node->round();  // committed at once, for the last commit was long ago
  f.click(3);
  f.node->round(), f.node->round();
  f.node->crash(0);
  f.click(4);
  f.settle();
  CAF_CHECK_EQUAL(f.seen().size(), 2u);
  f.node->start_again(0);
  f.settle();
  const auto seen = f.seen();
  CAF_REQUIRE_EQUAL(seen.size(), 4u);
  CAF_CHECK_EQUAL(seen[3].n, 10);
  CAF_CHECK_EQUAL(f.state(), 10);
}

CAF_TEST(an_at_least_once_output_is_visible_before_its_commit_and_repeated_with_its_uuid_after_an_abort) {
  Fixture f(at_least());
  f.click(7);
  f.node->round(), f.node->round();
  CAF_CHECK_EQUAL(f.seen().size(), 1u);
  CAF_CHECK_EQUAL(f.store.position("counter", "web-events", {0}).value().value, 0);
  f.store.next_commit("counter", Fate::aborts);
  f.commit();
  f.settle();
  const auto seen = f.seen();
  CAF_REQUIRE_EQUAL(seen.size(), 2u);
  CAF_CHECK_EQUAL(seen[0].uuid, seen[1].uuid);
  CAF_CHECK_EQUAL(f.store.position("counter", "web-events", {0}).value().value, 1);
}

// Else a node that dies in between would have committed a position without its output.
CAF_TEST(an_at_least_once_output_is_written_before_its_commit_begins) {
  Fixture f(at_least());
  std::size_t begun = 0, seen = 0;
  f.at_each_line([&](std::string_view line) {
    if (line.find("cycle begin") == line.npos) return;
    ++begun, seen = f.seen().size();
  });
  f.click(7);
  f.settle();
  f.click(8);  // after a pause: its commit begins as soon as it was handled
  f.settle();
  CAF_CHECK_EQUAL(begun, 2u);
  CAF_CHECK_EQUAL(seen, 2u);
}

CAF_TEST(a_record_that_waits_for_another_try_is_not_behind_the_committed_position) {
  const auto failures = std::make_shared<int>(1);
  Fixture f(service<>("counter")
                .on<Clicked>(at_least_once,
                             [failures](auto& turn, const Clicked& c) {
                               if (c.n == 2 && (*failures)-- > 0) throw Busy("not now");
                               turn.emit(Counted{"at least", c.n});
                             })
                .on_failure<Busy>({.retry = {.times = 1, .first = Duration(700)}}));
  f.click(1), f.click(2);  // one batch
  f.settle();
  CAF_CHECK_EQUAL(f.store.position("counter", "web-events", {0}).value().value, 1);
  f.node->crash(0);
  f.node->start_again(0);
  f.settle();
  CAF_CHECK_EQUAL(f.store.position("counter", "web-events", {0}).value().value, 2);
  CAF_CHECK_EQUAL(f.seen().size(), 2u);
}

CAF_TEST(an_at_most_once_turn_never_runs_before_its_commit_and_never_twice) {
  const auto runs = std::make_shared<int>(0);
  Fixture f(at_most(runs));
  f.click(7);
  f.node->round(), f.node->round();
  CAF_CHECK_EQUAL(*runs, 0);
  f.store.next_commit("counter", Fate::aborts);
  f.commit();
  CAF_CHECK_EQUAL(*runs, 0);
  f.settle();
  CAF_CHECK_EQUAL(*runs, 1);
  CAF_CHECK_EQUAL(f.store.position("counter", "web-events", {0}).value().value, 1);
  f.click(8);
  f.node->round();
  f.store.next_commit("counter", Fate::aborts);
  f.settle();
  CAF_CHECK_EQUAL(*runs, 2);
  CAF_CHECK_EQUAL(f.seen().size(), 2u);
}

CAF_TEST(an_at_most_once_turn_waits_for_its_own_cycle_not_for_the_one_before) {
  const auto runs = std::make_shared<int>(0);
  Fixture f(at_most(runs));
  f.click(7);
  f.node->round(), f.node->round();
  f.store.next_commit("counter", Fate::held);
  f.commit();
  f.click(8);
  f.node->round(), f.node->round();
  CAF_CHECK_EQUAL(*runs, 0);
  f.store.resume_commit("counter");
  f.node->poll();
  CAF_CHECK_EQUAL(*runs, 1);
  f.settle();
  CAF_CHECK_EQUAL(*runs, 2);
}

CAF_TEST(a_revoked_partition_is_committed_and_let_go_and_its_next_owner_goes_on) {
  Fixture f(counter());
  f.click(1);
  f.node->round(), f.node->round();
  f.store.revoke("counter", {0});
  f.settle(4);
  CAF_CHECK(f.node->owned().empty());
  CAF_CHECK_EQUAL(f.seen().size(), 1u);
  f.click(2);
  f.store.assign("counter", "node", {0});
  f.settle();
  const auto seen = f.seen();
  CAF_REQUIRE_EQUAL(seen.size(), 2u);
  CAF_CHECK_EQUAL(seen[1].n, 3);
}

CAF_TEST(a_revoked_partition_goes_although_those_that_stay_have_cycles_all_the_time) {
  Fixture f(counter(), 2);
  const std::string other = key_beside("ann");
  const PartitionId kept = partition_of("ann", 2), leaving = partition_of(other, 2);
  f.settle();
  f.click(2, other);
  f.settle();
  f.store.next_commit("counter", Fate::held);
  f.click(1);
  f.settle();  // a commit is in flight
  f.click(1);
  f.settle();  // and the next cycle open
  f.store.revoke("counter", leaving);
  f.node->poll();
  CAF_CHECK(f.node->owned() == std::vector{kept});
  f.store.resume_commit("counter");
  f.settle();
  CAF_CHECK_EQUAL(f.state(), 2);
  f.store.assign("counter", "node", leaving);
  f.click(3, other);
  f.settle();
  CAF_CHECK_EQUAL(f.state(other), 5);
}

CAF_TEST(a_revoked_partition_waits_for_the_cycle_that_holds_it_and_for_no_other) {
  Fixture f(counter(), 2);
  const std::string other = key_beside("ann");
  const PartitionId kept = partition_of("ann", 2), leaving = partition_of(other, 2);
  f.settle();
  f.store.next_commit("counter", Fate::held);
  f.click(2, other);
  f.settle();  // its commit is in flight
  f.click(1);
  f.settle();
  f.store.revoke("counter", leaving);
  f.settle();
  CAF_CHECK_EQUAL(f.node->owned().size(), 2u);
  f.store.next_commit("counter", Fate::held);
  f.store.resume_commit("counter");
  f.node->poll();
  CAF_CHECK(f.node->owned() == std::vector{kept});
  CAF_CHECK_EQUAL(f.state(other), 2);
}

CAF_TEST(a_lost_partition_commits_nothing_of_what_was_in_hand) {
  Fixture f(counter());
  f.click(1);
  f.node->round(), f.node->round();
  f.store.lose("counter", {0});
  f.settle(4);
  CAF_CHECK(f.node->owned().empty());
  CAF_CHECK_EQUAL(f.seen().size(), 0u);
  f.store.assign("counter", "node", {0});
  f.settle();
  CAF_CHECK_EQUAL(f.seen().size(), 1u);
  CAF_CHECK_EQUAL(f.state(), 1);
}

CAF_TEST(a_crash_that_is_told_of_late_starts_no_partition_before_it_is_restored) {
  Fixture f(counter());
  f.click(1);
  f.settle();
  f.store.revoke("counter", {0});
  f.settle(4);
  f.store.hold_restore("counter", true);
  f.store.assign("counter", "node", {0});
  f.node->poll();
  f.node->crash(0);  // of the partition as it was before it moved
  f.node->start_again(0);
  CAF_CHECK(f.node->owned().empty());
  f.store.hold_restore("counter", false);
  f.click(2);
  f.settle();
  CAF_CHECK_EQUAL(f.state(), 3);
}

CAF_TEST(a_partition_lost_with_one_cycle_in_flight_and_the_next_one_open_is_let_go_after_the_outcome) {
  Fixture f(counter(), 2);
  const std::string other = key_beside("ann");
  const PartitionId kept = partition_of("ann", 2), lost = partition_of(other, 2);
  f.store.next_commit("counter", Fate::held);
  f.click(1);
  f.settle();
  f.click(2, other);  // and nothing more comes whose commit could be the occasion
  f.settle();
  f.store.lose("counter", lost);
  f.settle();
  CAF_CHECK_EQUAL(f.node->bridge().stats().cycles, 0u);
  CAF_CHECK_EQUAL(f.node->owned().size(), 2u);
  f.store.resume_commit("counter");
  f.settle();
  CAF_CHECK(f.node->owned() == std::vector{kept});
  CAF_CHECK_EQUAL(f.state(), 1);
  CAF_CHECK_EQUAL(f.state(other), 0);
  f.store.assign("counter", "node", lost);
  f.settle();
  CAF_CHECK_EQUAL(f.state(other), 2);
  CAF_CHECK_EQUAL(f.seen().size(), 2u);
}

CAF_TEST(partitions_lost_while_the_bridge_rests_go_at_its_end) {
  std::string silent = "ann", loud = key_beside("ann");
  if (partition_of(loud, 2) < partition_of(silent, 2)) std::swap(silent, loud);
  const Service saying = service<>("counter").on<Clicked>(at_least_once, [&](auto& turn, const Clicked& c) {
    if (turn.key() == loud) turn.emit(Counted{"said", c.n});
  });
  Fixture f(saying, 2);
  const bool wrong = true;
  f.node = std::make_unique<LocalService>(
      f.store, saying, f.options(), BridgeOptions{}, f.clock, 2, "node",
      [&](LocalService::Session s) { return std::make_unique<WrongClock>(std::move(s), wrong); });
  f.click(1, silent), f.click(2, loud);
  while (!f.node->bridge().wake_at() || f.lines.str().find("clock") == std::string::npos) f.node->round();
  for (int i = 0; i < 20; ++i)
    f.node->round();  // it rests now, with what the silent one did in the open cycle
  for (const auto& key : {silent, loud}) f.store.lose("counter", partition_of(key, 2));
  f.node->round();
  f.clock.advance(std::chrono::seconds(5));
  f.settle();
  CAF_CHECK(f.node->owned().empty());
}

CAF_TEST(nothing_is_handled_before_the_state_is_restored) {
  Fixture f(counter());
  f.store.revoke("counter", {0});
  f.settle(3);
  f.store.hold_restore("counter", true);
  f.store.assign("counter", "node", {0});
  f.click(1);
  f.settle(4);
  CAF_CHECK_EQUAL(f.seen().size(), 0u);
  f.store.hold_restore("counter", false);
  f.settle();
  CAF_CHECK_EQUAL(f.seen().size(), 1u);
}

CAF_TEST(figures_and_lines_in_the_log_tell_of_a_restore_that_takes_long) {
  Fixture f(counter());
  f.store.revoke("counter", {0});
  f.settle(3);
  f.store.hold_restore("counter", true);
  f.store.assign("counter", "node", {0});
  f.settle(4);
  CAF_CHECK_EQUAL(f.node->bridge().stats().restoring, 1u);
  CAF_CHECK_EQUAL(f.node->bridge().stats().to_restore, 1u);
  CAF_CHECK_EQUAL(f.lines.str().find("restor"), std::string::npos);
  f.clock.advance(Duration(1000));
  f.settle(4);
  CAF_CHECK(f.lines.str().find("service counter: restoring states: 1 of 1 partition left, 0 of 1 ") !=
            std::string::npos);
  f.store.hold_restore("counter", false);
  f.settle(4);
  CAF_CHECK_EQUAL(f.node->bridge().stats().restoring, 0u);
  CAF_CHECK_EQUAL(f.node->bridge().stats().to_restore, 0u);
  CAF_CHECK(f.lines.str().find("service counter: restored the states of 1 partition: ") != std::string::npos);
}

CAF_TEST(a_slow_partition_is_paused_and_the_others_go_on) {
  Fixture f(counter(), 2);
  const std::string other = key_beside("ann");
  const auto slow = partition_of("ann", 2);
  f.node->poll();
  for (int i = 0; i < 20; ++i) {  // one batch each; the slow partition's are never worked on
    f.click(1), f.click(1, other);
    f.node->poll();
  }
  CAF_CHECK_EQUAL(f.node->bridge().stats().records,
                  8u);  // four batches in flight for each, then both are paused
  for (int i = 0; i < 40; ++i) {
    auto step = f.node->partition(1 - slow.value).step();
    if (step.slice) (void)f.node->bridge().accept(std::make_shared<const Slice>(std::move(*step.slice)));
    f.node->poll();
  }
  CAF_CHECK_EQUAL(f.node->bridge().stats().records, 4u + 20u);
  f.settle(40);
  CAF_CHECK_EQUAL(f.state("ann"), 20);
  CAF_CHECK_EQUAL(f.state(other), 20);
}
