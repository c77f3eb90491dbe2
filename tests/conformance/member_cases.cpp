// Cases: partitions that move, outcomes that are unknown, restores that take time. Provoked by the memory
// store's commands.
#include "driver.hpp"

#include "caf/test/unit_test.hpp"

namespace eventy::conformance {
namespace {

using Values = std::vector<std::string>;
using Fate = MemoryStore::CommitFate;

void two_topics(RecordStore& store, std::uint32_t partitions = 1) {
  store.ensure_topics({{"in", partitions}, {"out", partitions}}).value();
}

// What was appended since the commit shares the fate of the cycle that the store undoes.
void a_cycle_that_the_store_undoes_takes_the_next_one_with_it(Subject& subject) {
  auto& store = subject.store();
  two_topics(store);
  store.append("in", {record("a"), record("b")}).value();
  Driver driver(store);
  driver.ready().read_until(2);
  subject.commands()->next_commit("counter", Fate::aborts);
  driver.append(Slice().emit("one").set("k", "1").next(1));
  driver->commit(CycleId{1}).value();
  driver.append(Slice().emit("two").set("k", "2").next(2));
  driver.records.clear();
  driver.until("the outcome", [&] { return !driver.aborted.empty(); });
  CAF_CHECK_EQUAL(driver.aborted.at(0).cycle.value, 1u);
  driver.read_until(2);
  CAF_CHECK((values_of(driver.read()) == Values{"a", "b"}));
  driver.commit(2);
  CAF_CHECK(values_in(store, "out").empty());
  CAF_CHECK(states_of(store, "counter", "state").empty());
  CAF_CHECK_EQUAL(position_of(store, "counter", "in", 0), 0);
}

void a_commit_in_flight_is_followed_by_the_next_cycle(Subject& subject) {
  auto& store = subject.store();
  two_topics(store);
  store.append("in", {record("a"), record("b")}).value();
  Driver driver(store);
  driver.ready().read_until(2);
  subject.commands()->next_commit("counter", Fate::held);
  driver.append(Slice().emit("one").next(1));
  driver->commit(CycleId{1}).value();
  driver.append(Slice().emit("two").next(2));
  for (int i = 0; i < 5; ++i) driver.step();
  CAF_CHECK(driver.committed.empty());
  CAF_CHECK(values_in(store, "out").empty());
  subject.commands()->resume_commit("counter");
  driver.until("the outcome", [&] { return driver.committed.size() == 1; });
  CAF_CHECK((values_in(store, "out") == Values{"one"}));
  driver.commit(2);
  CAF_CHECK((values_in(store, "out") == Values{"one", "two"}));
}

void an_unknown_outcome_is_resolved(Subject& subject, Fate fate, Outcome expected) {
  auto& store = subject.store();
  two_topics(store);
  store.append("in", {record("a"), record("b")}).value();
  Driver driver(store);
  driver.ready().read_until(2);
  subject.commands()->next_commit("counter", fate);
  driver.append(Slice().emit("one").set("k", "1").next(1));
  driver.commit(1);
  CAF_REQUIRE_EQUAL(driver.unknown.size(), 1u);
  CAF_CHECK(!driver->commit(CycleId{2}).ok());
  CAF_CHECK(!driver->resolve(CycleId{9}).ok());
  driver.records.clear();
  CAF_CHECK(driver->resolve(CycleId{1}).value() == expected);
  const bool committed = expected == Outcome::committed;
  CAF_CHECK((values_in(store, "out") == (committed ? Values{"one"} : Values{})));
  CAF_CHECK_EQUAL(position_of(store, "counter", "in", 0), committed ? 1 : 0);
  CAF_CHECK_EQUAL(driver.state("k").value().value_or("none"), committed ? "1" : "none");
  if (!committed) {
    driver.read_until(2);
    CAF_CHECK((values_of(driver.read()) == Values{"a", "b"}));
  }
  driver.append(Slice().emit("two").next(2));
  driver.commit(2);
  CAF_CHECK((values_in(store, "out") == (committed ? Values{"one", "two"} : Values{"two"})));
}
void an_unknown_outcome_was_committed(Subject& subject) {
  an_unknown_outcome_is_resolved(subject, Fate::unknown_but_committed, Outcome::committed);
}
void an_unknown_outcome_was_aborted(Subject& subject) {
  an_unknown_outcome_is_resolved(subject, Fate::unknown_and_aborted, Outcome::aborted);
}

void a_second_node_takes_its_share(Subject& subject) {
  auto& store = subject.store();
  two_topics(store, 4);
  for (std::uint32_t p = 0; p < 4; ++p) store.append("in", {record("r", {}, p)}).value();
  Driver first(store, driver_options("counter", "one"));
  first.ready(4);
  for (std::uint32_t p = 0; p < 4; ++p) first.read_until(1, 0, p);
  Driver second(store, driver_options("counter", "two"));
  first.until("a revocation", [&] { return first.revoked.size() == 2; });
  second.step();
  CAF_CHECK(second.assigned.empty());
  const auto moved = first.revoked;
  for (const PartitionId p : moved) first.append(Slice(p.value).set("k", "kept").next(1));
  first.commit(1);
  auto reader = first.states.at(moved[0]);
  first->release(moved);
  CAF_CHECK(reader->get(KeyspaceIndex{0}, "k").error().code == ErrorCode::fenced);
  CAF_CHECK(!first->append(complete(Slice(moved[0].value).next(1).effects)).ok());
  second.until("its share", [&] { return first.step(), second.states.size() == 2; });
  CAF_CHECK((second.assigned == std::set<PartitionId>(moved.begin(), moved.end())));
  for (const PartitionId p : moved) {
    CAF_CHECK_EQUAL(second.state("k", p.value).value().value_or(""), "kept");
    CAF_CHECK(second.read(0, p.value).empty());
  }
  second.until("the end", [&] { return second->at_end().value(); });
  CAF_CHECK(!first->at_end().value());
  for (const PartitionId p : moved) first.states.erase(p);
  second.drop();
  first.until("the partitions to come back", [&] { return first.states.size() == 4; });
  for (const PartitionId p : moved) first.append(Slice(p.value).set("k", "back"));
  first.commit(2);
  CAF_CHECK_EQUAL(states_of(store, "counter", "state").size(), 2u);
}

// One may be held by a cycle for longer than another one.
void partitions_that_are_given_up_one_by_one_all_go_to_the_second_node(Subject& subject) {
  auto& store = subject.store();
  two_topics(store, 4);
  Driver first(store, driver_options("counter", "one"));
  first.ready(4);
  Driver second(store, driver_options("counter", "two"));
  first.until("a revocation", [&] { return second.step(), first.revoked.size() == 2; });
  first->release({first.revoked[0]});
  // Were it an answer, it would come to its end by then.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (std::chrono::steady_clock::now() < end) first.step(), second.step();
  first->release({first.revoked[1]});
  second.until("both of them", [&] { return first.step(), second.states.size() == 2; });
  CAF_CHECK((second.assigned == std::set<PartitionId>(first.revoked.begin(), first.revoked.end())));
}

void a_cycle_that_holds_a_lost_partition_is_refused(Subject& subject) {
  auto& store = subject.store();
  two_topics(store, 2);
  for (std::uint32_t p = 0; p < 2; ++p) store.append("in", {record("r", {}, p)}).value();
  Driver driver(store);
  driver.ready(2).read_until(1, 0, 0);
  driver.append(Slice(0).emit("kept?").next(1));
  driver.append(Slice(1).emit("lost").next(1));
  auto reader = driver.states.at(PartitionId{1});
  subject.commands()->lose("counter", PartitionId{1});
  CAF_CHECK(reader->get(KeyspaceIndex{0}, "k").error().code == ErrorCode::fenced);
  driver.records.clear();
  driver.commit(1);
  CAF_REQUIRE_EQUAL(driver.aborted.size(), 1u);
  CAF_CHECK(driver.aborted[0].reason.code == ErrorCode::fenced);
  driver.until("the loss", [&] { return driver.lost.size() == 1; });
  CAF_CHECK(values_in(store, "out").empty());
  driver->release(driver.lost);
  driver.read_until(1, 0, 0);
  CAF_CHECK(driver.read(0, 1).empty());
  driver.append(Slice(0).emit("kept").next(1));
  driver.commit(2);
  CAF_CHECK((values_in(store, "out") == Values{"kept"}));
  subject.commands()->assign("counter", "node", PartitionId{1});
  driver.read_until(1, 0, 1);
}

void a_revoked_partition_sends_no_more_records(Subject& subject) {
  auto& store = subject.store();
  two_topics(store, 2);
  Driver driver(store);
  driver.ready(2);
  subject.commands()->revoke("counter", PartitionId{1});
  store.append("in", {record("a", {}, 0), record("b", {}, 1)}).value();
  driver.read_until(1, 0, 0);
  CAF_CHECK((driver.revoked == std::vector{PartitionId{1}}));
  CAF_CHECK(driver.read(0, 1).empty());
  driver.append(Slice(1).set("k", "in hand"));
  driver.commit(1);
  CAF_CHECK_EQUAL(driver.committed.size(), 1u);
  driver->release(driver.revoked);
  CAF_CHECK((states_of(store, "counter", "state") == States{{{1, "k"}, "in hand"}}));
}

void nothing_comes_before_a_late_restore(Subject& subject) {
  auto& store = subject.store();
  two_topics(store);
  store.append("in", {record("a")}).value();
  subject.commands()->hold_restore("counter", true);
  Driver driver(store);
  for (int i = 0; i < 5; ++i) driver.step();
  CAF_CHECK_EQUAL(driver.assigned.size(), 1u);
  CAF_CHECK(!driver.restoring.empty());
  CAF_CHECK(driver.states.empty());
  CAF_CHECK(driver.read().empty());
  CAF_CHECK(!driver->at_end().value());
  subject.commands()->hold_restore("counter", false);
  driver.ready().read_until(1);
}

void a_failed_poll_ends_the_session(Subject& subject) {
  auto& store = subject.store();
  two_topics(store);
  store.append("in", {record("a")}).value();
  Driver driver(store);
  driver.ready().read_until(1);
  driver.append(Slice().emit("dropped").next(1));
  subject.commands()->fail_poll("counter", {ErrorCode::io, "the connection broke"});
  CAF_CHECK(driver->poll({}).error().code == ErrorCode::io);
  CAF_CHECK(!driver->commit(CycleId{1}).ok());
  Driver next(store);
  next.ready().read_until(1);
  next.append(Slice().emit("again").next(1));
  next.commit(1);
  CAF_CHECK((values_in(store, "out") == Values{"again"}));
}

}  // namespace

std::vector<Case> member_cases() {
  constexpr Needs commands{.commands = true};
  constexpr Needs unknown{.unknown_outcomes = true, .commands = true};
  constexpr Needs members{.multiple_members = true, .commands = true};
#define CASE(name, needs) \
  { #name, name, needs }
  return {CASE(a_cycle_that_the_store_undoes_takes_the_next_one_with_it, commands),
          CASE(a_commit_in_flight_is_followed_by_the_next_cycle, commands),
          CASE(an_unknown_outcome_was_committed, unknown),
          CASE(an_unknown_outcome_was_aborted, unknown),
          CASE(a_second_node_takes_its_share, (Needs{.multiple_members = true})),
          CASE(partitions_that_are_given_up_one_by_one_all_go_to_the_second_node,
               (Needs{.multiple_members = true})),
          CASE(a_cycle_that_holds_a_lost_partition_is_refused, members),
          CASE(a_revoked_partition_sends_no_more_records, members),
          CASE(nothing_comes_before_a_late_restore, commands),
          CASE(a_failed_poll_ends_the_session, commands)};
#undef CASE
}

}  // namespace eventy::conformance
