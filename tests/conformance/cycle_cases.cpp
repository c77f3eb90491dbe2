// Cases: order, atomicity, undoing, fencing, restart.
#include "driver.hpp"

#include "caf/test/unit_test.hpp"

#include <atomic>

namespace eventy::conformance {
namespace {

using Values = std::vector<std::string>;

void two_topics(RecordStore& store, std::uint32_t partitions = 1) {
  store.ensure_topics({{"in", partitions}, {"out", partitions}}).value();
}

void keeps_the_order_of_a_partition(Subject& subject) {
  auto& store = subject.store();
  two_topics(store, 2);
  for (int i = 0; i < 300; ++i)
    store.append("in", {record(std::to_string(i), "k", 0), record("x" + std::to_string(i), "k", 1)}).value();
  Driver driver(store);
  driver.ready(2).read_until(300, 0, 0);
  driver.read_until(300, 0, 1);
  for (std::size_t i = 0; i < 300; ++i) {
    CAF_REQUIRE_EQUAL(driver.read(0, 0)[i].value, std::to_string(i));
    CAF_REQUIRE_EQUAL(driver.read(0, 1)[i].offset, static_cast<std::int64_t>(i));
  }
}

void an_append_gives_the_offset_of_each_record(Subject& subject) {
  auto& store = subject.store();
  two_topics(store, 2);
  auto offsets = store.append("in", {record("a", {}, 1), record("b", {}, 0), record("c", {}, 1)}).value();
  CAF_CHECK((offsets == std::vector{Offset{0}, Offset{0}, Offset{1}}));
  CAF_CHECK((store.append("in", {record("d", {}, 1)}).value() == std::vector{Offset{2}}));
  CAF_CHECK_EQUAL(end_of(store, "in", 1), 3);
  CAF_CHECK((values_in(store, "in", 1) == Values{"a", "c", "d"}));
  CAF_CHECK((values_of(log_of(store, "in", 1, 2)) == Values{"d"}));
  CAF_CHECK(log_of(store, "in", 1, 3).empty());
  CAF_CHECK(store.append("in", {}).value().empty());
}

void a_restored_partition_tells_its_committed_positions(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 2}, {"out", 1}}).value();
  store.append("in", {record("1"), record("2"), record("3")}).value();
  const auto position = [](Driver& driver, std::uint32_t partition) -> std::int64_t {
    const auto& all = driver.positions.at(PartitionId{partition});
    return all.size() == 1 && all[0].topic == TopicIndex{0} ? all[0].next.value : -1;
  };
  Driver first(store);
  first.ready(2).read_until(3);
  CAF_CHECK_EQUAL(position(first, 0), 0);
  CAF_CHECK_EQUAL(position(first, 1), 0);
  first.append(Slice().emit("a").set("k", "v").next(2));
  first.commit(1);
  first.append(Slice().emit("aborted").next(3));
  first->abort().value();
  first.drop();
  Driver second(store);
  second.ready(2);
  CAF_CHECK_EQUAL(position(second, 0), 2);
  CAF_CHECK_EQUAL(position(second, 1), 0);
  CAF_CHECK(second.state("k").value() == "v");
}

void shows_nothing_of_an_open_cycle(Subject& subject) {
  auto& store = subject.store();
  two_topics(store);
  store.append("in", {record("a")}).value();
  auto watching = driver_options("watcher");
  watching.inputs = {TopicIndex{1}};
  Driver driver(store), watcher(store, watching);
  driver.ready().read_until(1);
  watcher.ready();
  driver.append(Slice().emit("x").set("k", "1").next(1));
  driver.step();
  watcher.step();
  CAF_CHECK(values_in(store, "out").empty());
  CAF_CHECK_EQUAL(end_of(store, "out", 0), 0);
  CAF_CHECK_EQUAL(position_of(store, "counter", "in", 0), 0);
  CAF_CHECK(states_of(store, "counter", "state").empty());
  CAF_CHECK(!driver.state("k").value());
  CAF_CHECK(watcher.read().empty());
  CAF_CHECK(!driver->at_end().value());
}

void shows_all_of_a_committed_cycle(Subject& subject) {
  auto& store = subject.store();
  two_topics(store);
  store.append("in", {record("a"), record("b")}).value();
  auto watching = driver_options("watcher");
  watching.inputs = {TopicIndex{1}};
  Driver driver(store), watcher(store, watching);
  driver.ready().read_until(2);
  watcher.ready();
  driver.append(Slice().emit("x").set("k", "1").next(1));
  driver.append(Slice().emit("y").set("k", "2").next(2));
  driver.commit(1);
  CAF_CHECK((driver.committed == std::vector<std::uint64_t>{1}));
  CAF_CHECK((values_in(store, "out") == Values{"x", "y"}));
  CAF_CHECK_EQUAL(position_of(store, "counter", "in", 0), 2);
  CAF_CHECK((states_of(store, "counter", "state") == States{{{0, "k"}, "2"}}));
  CAF_CHECK_EQUAL(driver.state("k").value().value_or(""), "2");
  watcher.read_until(2, 1);
  driver.until("the end", [&] { return driver->at_end().value(); });
}

void a_forgotten_key_is_gone(Subject& subject) {
  auto& store = subject.store();
  two_topics(store);
  Driver driver(store);
  driver.ready();
  driver.append(Slice().set("a", "1").set("b", "2").set("c", "3"));
  driver.commit(1);
  driver.append(
      Slice().set("a", std::nullopt).set("b", std::nullopt).set("b", "4").set("never", std::nullopt));
  driver.append(Slice().set("c", "5").set("c", std::nullopt));
  driver.commit(2);
  CAF_CHECK((states_of(store, "counter", "state") == States{{{0, "b"}, "4"}}));
  CAF_CHECK(!driver.state("a").value());
}

void undoes_an_aborted_cycle_and_rewinds(Subject& subject) {
  auto& store = subject.store();
  two_topics(store);
  store.append("in", {record("a"), record("b"), record("c")}).value();
  Driver driver(store);
  driver.ready().read_until(3);
  driver.append(Slice().emit("kept").set("k", "kept").next(1));
  driver.commit(1);
  driver.append(Slice().emit("undone").set("k", "undone").next(3));
  driver.records.clear();
  driver->abort().value();
  driver.read_until(2);
  CAF_CHECK((values_of(driver.read()) == Values{"b", "c"}));
  const auto read = driver.read();
  CAF_CHECK_EQUAL(read[0].offset, 1);
  driver.append(Slice().emit("again").next(3));
  driver.commit(2);
  CAF_CHECK((values_in(store, "out") == Values{"kept", "again"}));
  CAF_CHECK_EQUAL(driver.state("k").value().value_or(""), "kept");
  CAF_CHECK_EQUAL(position_of(store, "counter", "in", 0), 3);
}

// A partition that had nothing in the cycle goes on with what it has got, which is not read again yet.
void takes_a_slice_that_was_being_made_when_the_cycle_was_undone(Subject& subject) {
  auto& store = subject.store();
  two_topics(store);
  store.append("in", {record("a"), record("b"), record("c")}).value();
  Driver driver(store);
  driver.ready().read_until(3);
  driver->abort().value();
  driver.append(Slice().emit("one").set("k", "1").next(3));
  driver.commit(1);
  CAF_CHECK((values_in(store, "out") == Values{"one"}));
  CAF_CHECK_EQUAL(position_of(store, "counter", "in", 0), 3);
  driver.records.clear();
  store.append("in", {record("d")}).value();
  driver.until("the new record", [&] { return !driver.read().empty() && driver.read().back().value == "d"; });
  driver.append(Slice().emit("two").next(4));
  driver->abort().value();
  driver.records.clear();
  driver.read_until(1);
  CAF_CHECK((values_of(driver.read()) == Values{"d"}));
  driver.append(Slice().emit("two").next(4));
  driver.commit(2);
  CAF_CHECK((values_in(store, "out") == Values{"one", "two"}));
  CAF_CHECK_EQUAL(driver.state("k").value().value_or(""), "1");
}

void an_abort_without_a_cycle_only_rewinds(Subject& subject) {
  auto& store = subject.store();
  two_topics(store);
  store.append("in", {record("a")}).value();
  Driver driver(store);
  driver.ready().read_until(1);
  driver->abort().value();
  driver.read_until(2);
  CAF_CHECK((values_of(driver.read()) == Values{"a", "a"}));
}

void takes_slices_of_the_next_cycle_before_the_outcome(Subject& subject) {
  auto& store = subject.store();
  two_topics(store);
  store.append("in", {record("a"), record("b")}).value();
  Driver driver(store);
  driver.ready().read_until(2);
  driver.append(Slice().emit("one").set("k", "1").next(1));
  driver->commit(CycleId{1}).value();
  driver.append(Slice().emit("two").set("k", "2").next(2));
  CAF_CHECK(!driver->commit(CycleId{2}).ok());
  driver.until("the first outcome", [&] { return driver.committed.size() == 1; });
  CAF_CHECK((values_in(store, "out") == Values{"one"}));
  CAF_CHECK_EQUAL(driver.state("k").value().value_or(""), "1");
  driver.commit(2);
  CAF_CHECK((driver.committed == std::vector<std::uint64_t>{1, 2}));
  CAF_CHECK((values_in(store, "out") == Values{"one", "two"}));
}

// The second cycle begins while the first one's commit may still be on its way, and says nothing of `in`.
void a_position_does_not_go_back_when_cycles_overlap(Subject& subject) {
  auto& store = subject.store();
  store.ensure_topics({{"in", 1}, {"also", 1}, {"out", 1}}).value();
  store.append("in", {record("a")}).value();
  store.append("also", {record("b")}).value();
  auto options = driver_options();
  options.topics = {"in", "out", "also"};
  options.inputs = {TopicIndex{0}, TopicIndex{2}};
  Driver driver(store, options);
  driver.ready().read_until(1);
  driver.read_until(1, 2);
  driver.append(Slice().next(1));
  driver->commit(CycleId{1}).value();
  driver.append(Slice().next(1, 2));
  driver.until("the first outcome", [&] { return driver.committed.size() == 1; });
  driver.commit(2);
  CAF_CHECK_EQUAL(position_of(store, "counter", "in", 0), 1);
  CAF_CHECK_EQUAL(position_of(store, "counter", "also", 0), 1);
  driver.until("the end", [&] { return driver->at_end().value(); });
}

// A store may treat the first slices of a cycle in another way than those that come when it has grown.
void the_last_slice_counts_in_a_cycle_that_grows(Subject& subject) {
  constexpr int slices = 12;
  auto& store = subject.store();
  two_topics(store);
  std::vector<NewRecord> input(slices, record("a"));
  store.append("in", input).value();
  Driver driver(store);
  driver.ready().read_until(slices);
  Values outputs;
  for (int i = 1; i <= slices; ++i) {
    outputs.push_back(std::to_string(i) + std::string(20'000, '.'));
    driver.append(
        Slice().emit(outputs.back()).set("of all", std::to_string(i)).set(outputs.back(), "own").next(i));
  }
  driver.commit(1);
  CAF_CHECK((values_in(store, "out") == outputs));
  CAF_CHECK_EQUAL(position_of(store, "counter", "in", 0), slices);
  auto states = states_of(store, "counter", "state");
  CAF_CHECK_EQUAL(states.size(), slices + 1u);
  CAF_CHECK_EQUAL((states[{0, "of all"}]), std::to_string(slices));
  CAF_CHECK(driver.state("of all").value() == std::to_string(slices));
}

void commits_an_empty_cycle(Subject& subject) {
  two_topics(subject.store());
  Driver driver(subject.store());
  driver.ready().commit(1);
  CAF_CHECK((driver.committed == std::vector<std::uint64_t>{1}));
}

void writes_at_once_and_keeps_it_after_an_abort(Subject& subject) {
  auto& store = subject.store();
  two_topics(store);
  Driver driver(store);
  driver.ready();
  driver.append(Slice().emit("undone"));
  OutputBuffer outputs;
  add_output(outputs, 1, 0, "k", "at once");
  driver->write_now(outputs).value();
  CAF_CHECK((values_in(store, "out") == Values{"at once"}));
  driver->abort().value();
  driver.append(Slice().emit("later"));
  driver.commit(1);
  CAF_CHECK((values_in(store, "out") == Values{"at once", "later"}));
}

void fences_the_older_session(Subject& subject) {
  auto& store = subject.store();
  two_topics(store);
  store.append("in", {record("a")}).value();
  Driver zombie(store);
  zombie.ready().read_until(1);
  zombie.append(Slice().emit("zombie").set("k", "zombie").next(1));
  auto reader = zombie.states.at(PartitionId{0});
  Driver heir(store);
  heir.ready().read_until(1);
  auto is_fenced = [](const auto& result) {
    return !result.ok() && result.error().code == ErrorCode::fenced;
  };
  // A store elsewhere may learn of it from the commit only.
  if (auto begun = zombie->commit(CycleId{1}); begun.ok()) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    auto polled = zombie->poll({});
    while (polled.ok() && std::chrono::steady_clock::now() < deadline) {
      for (const auto& event : *polled) CAF_CHECK(!std::holds_alternative<Committed>(event));
      polled = zombie->poll({});
    }
    CAF_CHECK(is_fenced(polled));
  } else {
    CAF_CHECK(is_fenced(begun));
  }
  CAF_CHECK(is_fenced(zombie->append(complete(Slice().emit("zombie").effects))));
  OutputBuffer outputs;
  add_output(outputs, 1, 0, "k", "zombie");
  CAF_CHECK(is_fenced(zombie->write_now(outputs)));
  CAF_CHECK(is_fenced(zombie->poll({})));
  CAF_CHECK(is_fenced(zombie->abort()));
  CAF_CHECK(is_fenced(reader->get(KeyspaceIndex{0}, "k")));
  heir.append(Slice().emit("heir").next(1));
  zombie.drop();  // does not disturb the heir
  heir.commit(1);
  CAF_CHECK((values_in(store, "out") == Values{"heir"}));
  CAF_CHECK(states_of(store, "counter", "state").empty());
}

void a_new_session_goes_on_at_the_committed_position(Subject& subject) {
  auto& store = subject.store();
  two_topics(store);
  store.append("in", {record("a"), record("b"), record("c")}).value();
  {
    Driver first(store);
    first.ready().read_until(3);
    first.append(Slice().set("k", "1").next(1));
    first.commit(1);
    first.append(Slice().emit("dropped").set("k", "dropped").next(3));
  }
  Driver second(store);
  second.ready().read_until(2);
  CAF_CHECK((values_of(second.read()) == Values{"b", "c"}));
  CAF_CHECK_EQUAL(second.state("k").value().value_or(""), "1");
  second.commit(1);
  CAF_CHECK(values_in(store, "out").empty());
}

void keeps_everything_across_a_restart(Subject& subject) {
  two_topics(subject.store(), 2);
  subject.store().append("in", {record("a", {}, 1), record("b", {}, 1)}).value();
  {
    Driver driver(subject.store());
    driver.ready(2).read_until(2, 0, 1);
    driver.append(Slice(1).emit("x", 1).set("k", "1").next(1));
    driver.commit(1);
    driver.append(Slice(1).emit("dropped", 1).set("k", "dropped").next(2));
  }
  for (int start = 0; start < 2; ++start) {
    subject.reopen();
    auto& store = subject.store();
    CAF_CHECK_EQUAL(store.topics().value().size(), 2u);
    CAF_CHECK((values_in(store, "in", 1) == Values{"a", "b"}));
    CAF_CHECK((values_in(store, "out", 1) == Values{"x"}));
    CAF_CHECK((states_of(store, "counter", "state") == States{{{1, "k"}, "1"}}));
    CAF_CHECK_EQUAL(position_of(store, "counter", "in", 1), 1);
    CAF_CHECK(end_of(store, "out", 1) >= 1);  // a store may keep transaction markers between records
    CAF_CHECK(!store.ensure_topics({{"in", 3}}).ok());
  }
  Driver driver(subject.store());
  driver.ready(2).read_until(1, 0, 1);
  CAF_CHECK((values_of(driver.read(0, 1)) == Values{"b"}));
  CAF_CHECK(subject.store().append("out", {record("y", {}, 1)}).value().at(0) >= Offset{1});
  CAF_CHECK((values_in(subject.store(), "out", 1) == Values{"x", "y"}));
}

void knows_when_everything_is_read_and_committed(Subject& subject) {
  auto& store = subject.store();
  two_topics(store, 2);
  Driver driver(store);
  driver.ready(2);
  driver.until("the end", [&] { return driver->at_end().value(); });
  store.append("in", {record("a", {}, 1)}).value();
  CAF_CHECK(!driver->at_end().value());
  driver.read_until(1, 0, 1);
  CAF_CHECK(!driver->at_end().value());
  driver.append(Slice(1).next(1));
  driver.commit(1);
  driver.until("the end", [&] { return driver->at_end().value(); });
}

void a_paused_partition_keeps_its_records_in_the_store(Subject& subject) {
  auto& store = subject.store();
  two_topics(store, 2);
  Driver driver(store);
  driver.ready(2);
  driver->pause(PartitionId{0});
  store.append("in", {record("a", {}, 0), record("b", {}, 1)}).value();
  driver.read_until(1, 0, 1);
  for (int i = 0; i < 20; ++i) driver.step();
  CAF_CHECK(driver.read(0, 0).empty());
  driver->resume(PartitionId{0});
  driver.read_until(1, 0, 0);
  CAF_CHECK((values_of(driver.read(0, 0)) == Values{"a"}));
}

void wakes_who_has_something_to_poll(Subject& subject) {
  auto& store = subject.store();
  two_topics(store);
  Driver driver(store);
  driver.ready();
  auto woken = std::make_shared<std::atomic<int>>(0);
  driver->on_ready([woken] { ++*woken; });
  auto waits_for_a_wake = [&](int since) {
    for (int i = 0; i < 20'000 && *woken == since; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return *woken > since;
  };
  int before = *woken;
  store.append("in", {record("a")}).value();
  CAF_CHECK(waits_for_a_wake(before));
  driver.read_until(1);
  before = *woken;
  driver.append(Slice().next(1));
  driver->commit(CycleId{1}).value();
  CAF_CHECK(waits_for_a_wake(before));
  driver.until("the outcome", [&] { return driver.committed.size() == 1; });
}

void a_batch_outlives_its_session_and_store_calls(Subject& subject) {
  auto& store = subject.store();
  two_topics(store);
  store.append("in", {record(std::string(100'000, 'z'), "k")}).value();
  std::shared_ptr<const Batch> batch;
  {
    Driver driver(store);
    driver.ready().read_until(1);
    batch = driver.batches.at(0);
  }
  std::thread([&] { CAF_CHECK_EQUAL(batch->records.at(0).value.size(), 100'000u); }).join();
  const auto value = batch->records.at(0).value;
  unsigned sum = 0;
  for (std::size_t i = 0; i < value_padding; ++i)
    sum += static_cast<unsigned char>(value.data()[value.size() + i]);
  CAF_CHECK(sum < 256 * value_padding);  // readable, whatever it is
  CAF_CHECK(batch->next == Offset{1});
}

}  // namespace

std::vector<Case> cycle_cases() {
#define CASE(name) \
  { #name, name }
  return {CASE(keeps_the_order_of_a_partition),
          CASE(an_append_gives_the_offset_of_each_record),
          CASE(a_restored_partition_tells_its_committed_positions),
          CASE(shows_nothing_of_an_open_cycle),
          CASE(shows_all_of_a_committed_cycle),
          CASE(a_forgotten_key_is_gone),
          CASE(undoes_an_aborted_cycle_and_rewinds),
          CASE(takes_a_slice_that_was_being_made_when_the_cycle_was_undone),
          CASE(an_abort_without_a_cycle_only_rewinds),
          CASE(takes_slices_of_the_next_cycle_before_the_outcome),
          CASE(a_position_does_not_go_back_when_cycles_overlap),
          CASE(the_last_slice_counts_in_a_cycle_that_grows),
          CASE(commits_an_empty_cycle),
          CASE(writes_at_once_and_keeps_it_after_an_abort),
          CASE(fences_the_older_session),
          CASE(a_new_session_goes_on_at_the_committed_position),
          {"keeps_everything_across_a_restart", keeps_everything_across_a_restart, {.durable = true}},
          CASE(knows_when_everything_is_read_and_committed),
          CASE(a_paused_partition_keeps_its_records_in_the_store),
          CASE(wakes_who_has_something_to_poll),
          CASE(a_batch_outlives_its_session_and_store_calls)};
#undef CASE
}

}  // namespace eventy::conformance
