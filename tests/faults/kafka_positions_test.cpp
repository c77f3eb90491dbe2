// Which positions a session commits beside those that its records move, on a real broker.
// ctest: KAFKA
#define CAF_SUITE kafka_positions

#include "kafka_service.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

using namespace eventy;
using conformance::Driver;
using conformance::Slice;
using tests::end_of_session;
using tests::KafkaService;

namespace {

// Holds the takeovers of a store, between their check of the positions and all else, until it is opened.
class Gate {
 public:
  // Opens one when a test ends, also by an error: a session waits for its takeover.
  struct Opener {
    Gate& gate;
    ~Opener() { gate.open(); }
  };
  OpenLocalState before(OpenLocalState next) {
    return [this, next](const std::string& service, PartitionId partition) {
      std::unique_lock lock(mutex_);
      ++waiting_;
      opened_.wait(lock, [this] { return open_; });
      return next(service, partition);
    };
  }
  bool reached() {
    const std::lock_guard lock(mutex_);
    return waiting_ > 0;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }

 private:
  std::mutex mutex_ = {};
  std::condition_variable opened_ = {};
  int waiting_ = 0;
  bool open_ = false;
};

std::unique_ptr<RecordStore> held_store(kafka::Options options, Gate& gate) {
  options.local_state = gate.before(options.local_state);
  return kafka::open(options).value();
}

}  // namespace

CAF_TEST_FIXTURE_SCOPE(positions, KafkaService)

// A commit without a position is let through by the broker, whoever sends it.
CAF_TEST(a_cycle_that_moves_no_position_commits_where_it_stands) {
  open();
  Driver driver(*store);
  driver.ready();
  driver.append(Slice().set("k", "1"));
  driver.commit(41);
  CAF_CHECK_EQUAL(driver.committed.size(), 1u);
  CAF_CHECK(!cycle().empty());
  CAF_CHECK_EQUAL(committed().next.value_or(Offset{-1}).value, 0);
}

// Else those of topics that are assigned and not subscribed expire after a week.
CAF_TEST(positions_that_stay_the_same_are_committed_again_now_and_then) {
  options.position_refresh = std::chrono::milliseconds(200);
  open();
  Driver driver(*store);
  driver.ready().read_until(1);
  driver.append(Slice().next(1));
  driver.commit(42);
  const std::string first = cycle();
  CAF_CHECK(!first.empty());
  driver.until("the positions to be committed again", [&] { return cycle() != first; });
  CAF_CHECK_EQUAL(committed().next.value_or(Offset{-1}).value, 1);
}

// One may be held by a cycle for longer than another one.
CAF_TEST(lost_partitions_that_are_given_up_one_by_one_all_come_back) {
  options.session_timeout = std::chrono::milliseconds(3000);
  options.properties["heartbeat.interval.ms"] = "5000";  // after the end of the session
  store = kafka::open(options).value();
  store->ensure_topics({{"in", 2}, {"out", 2}}).value();
  Driver driver(*store);
  driver.ready(2);
  driver.until("the loss", [&] { return driver.lost.size() == 2; });
  driver.states.clear();
  const auto step_for = [&](std::chrono::seconds time) {
    for (const auto end = std::chrono::steady_clock::now() + time; std::chrono::steady_clock::now() < end;)
      driver.step();
  };
  driver->release({driver.lost[0]});
  step_for(std::chrono::seconds(1));  // were it an answer, it would come to its end by then
  driver->release({driver.lost[1]});
  step_for(std::chrono::seconds(3));  // before they are lost again
  CAF_CHECK_EQUAL(driver.states.size(), 2u);
}

// It learns of the loss by its first heartbeat, which comes too late. What it would send then names no
// member: it is refused here, whatever a broker makes of that.
CAF_TEST(a_session_that_lost_its_partitions_commits_nothing) {
  options.session_timeout = std::chrono::milliseconds(3000);
  options.properties["heartbeat.interval.ms"] = "5000";  // after the end of the session
  open();
  Driver driver(*store);
  driver.ready().read_until(1);
  driver.append(Slice().next(1));
  std::this_thread::sleep_for(std::chrono::seconds(6));
  driver.commit(43);
  CAF_REQUIRE_EQUAL(driver.aborted.size(), 1u);
  CAF_MESSAGE(driver.aborted[0].reason.message);
  CAF_CHECK(driver.aborted[0].reason.code == ErrorCode::fenced);
  CAF_CHECK_EQUAL(committed().next.value_or(Offset{-1}).value, 0);
}

// As after an election of a leader that lacked the last cycles: the log is the same one, and too short.
CAF_TEST(a_changelog_that_ends_before_what_was_committed_is_refused) {
  options.session_timeout = std::chrono::milliseconds(1000);
  open();
  {
    Driver driver(*store);
    driver.ready();
    driver.append(Slice().set("k", "1"));
    driver.commit(44);
  }
  auto note = kafka::detail::read_note(committed().metadata);
  CAF_REQUIRE(!note.log.empty());
  note.log_reached.value += 10;
  commit_by_hand(note);
  Driver next(*store);
  const auto end = end_of_session(next);
  CAF_CHECK(end.code == ErrorCode::corrupt);
  CAF_CHECK(tests::says(end, "but it was written up to " + std::to_string(note.log_reached.value)));
}

// The topic's retention was faster, between the check of the positions and the first fetch.
CAF_TEST(a_fetch_out_of_range_names_topic_partition_and_offsets) {
  open();
  store->append("in", {conformance::record("b"), conformance::record("c")}).value();
  Gate gate;
  const auto held = held_store(options, gate);
  Driver driver(*held);
  driver.until("its takeover", [&] { return gate.reached(); });
  delete_records(Offset{2});
  gate.open();
  const auto end = end_of_session(driver);
  CAF_MESSAGE(end.message);
  CAF_CHECK(end.code == ErrorCode::corrupt);
  CAF_CHECK(tests::says(end, "topic in partition 0 up to offset 0, but it holds 2 to 3"));
}

// It learns that it lost its partitions by the poll that brings the end of their restore, and after it.
CAF_TEST(a_takeover_that_finds_no_membership_is_made_anew_with_the_next_one) {
  options.session_timeout = std::chrono::milliseconds(3000);
  options.properties["heartbeat.interval.ms"] = "5000";  // after the end of the session
  open();
  Gate gate;
  const auto held = held_store(options, gate);
  Driver driver(*held);
  const Gate::Opener at_the_end{gate};
  driver.until("its takeover", [&] { return gate.reached(); });
  std::this_thread::sleep_for(std::chrono::seconds(6));  // by then the member has heard that it is none
  gate.open();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // the restore ends
  driver.until("its partition", [&] {
    if (!driver.lost.empty()) driver->release(std::exchange(driver.lost, {}));
    return driver.states.size() == 1;
  });
  driver.read_until(1);
  driver.append(Slice().next(1));
  driver.commit(1);
  CAF_CHECK_EQUAL(driver.committed.size(), 1u);
}

// What the first one says of its changelog must not speak of partitions that it no longer has: the second
// would take their first positions for lost ones.
CAF_TEST(a_second_node_may_come_while_the_first_one_begins) {
  Gate first_gate, second_gate;
  auto first_store = held_store(options, first_gate), second_store = held_store(options, second_gate);
  first_store->ensure_topics({{"in", 2}, {"out", 2}}).value();
  Driver first(*first_store, conformance::driver_options("counter", "one"));
  first.until("its takeover", [&] { return first_gate.reached(); });
  Driver second(*second_store, conformance::driver_options("counter", "two"));
  const Gate::Opener at_the_end{first_gate}, and_the_other{second_gate};
  first.until("a partition to be taken", [&] { return second.step(), !first.revoked.empty(); });
  first->release(first.revoked);
  second.until("its takeover", [&] { return first.step(), second_gate.reached(); });
  first_gate.open();
  first.until("its partition", [&] { return second.step(), first.states.size() == 1; });
  second_gate.open();
  second.until("its partition", [&] { return first.step(), second.states.size() == 1; });
  CAF_CHECK(first.states.begin()->first != second.states.begin()->first);
}

// Ids made of names with a separator that names may contain were the same for these two, so that each fenced
// the other in turn.
CAF_TEST(services_and_nodes_whose_names_join_to_the_same_text_do_not_fence_each_other) {
  open();
  Driver feeder(*store, conformance::driver_options("feeder", "eu-w1"));
  feeder.ready();
  Driver other(*store, conformance::driver_options("feeder-eu", "w1"));
  other.ready();
  for (std::uint64_t cycle = 1; cycle <= 3; ++cycle) {
    feeder.append(Slice().emit("f" + std::to_string(cycle)));
    feeder.commit(cycle);
    other.append(Slice().emit("o" + std::to_string(cycle)));
    other.commit(cycle);
  }
  CAF_CHECK_EQUAL(feeder.committed.size(), 3u);
  CAF_CHECK_EQUAL(other.committed.size(), 3u);
  CAF_CHECK_EQUAL(conformance::values_in(*store, "out").size(), 6u);
}

// A node that was upgraded while it had a transaction open, under the id of the release before.
CAF_TEST(a_transaction_under_an_id_of_an_earlier_release_is_ended_by_its_successor) {
  options.transaction_timeout = std::chrono::minutes(1);
  open();
  const std::string old_id = options.prefix + "counter-node-0";
  commit_by_hand({.by = old_id});
  const auto left_open = kafka::detail::TransactionalProducer::open(*client, old_id).value();
  left_open->begin().value();
  left_open->add({.to = {options.prefix + "in", 0}, .value = "of the cycle that is lost"}).value();
  left_open->flush();
  Driver driver(*store);
  driver.ready().read_until(1);
  CAF_CHECK(!left_open->commit().is_committed());
  driver.append(Slice().next(1));
  driver.commit(45);
  CAF_CHECK_EQUAL(kafka::detail::read_note(committed().metadata).by, options.prefix + "counter/node/0");
}

// Whoever wrote the note: what other programs of the cluster have open is not ours to end.
CAF_TEST(a_transactional_id_in_a_note_that_is_not_of_the_service_is_left_alone) {
  open();
  const std::string foreign_id = options.prefix + "billing-node-0";
  commit_by_hand({.by = foreign_id});
  const auto foreign = kafka::detail::TransactionalProducer::open(*client, foreign_id).value();
  foreign->begin().value();
  foreign->add({.to = {options.prefix + "out", 0}, .value = "of somebody else"}).value();
  Driver driver(*store);
  driver.ready();
  CAF_CHECK(foreign->commit().is_committed());
}

// Else a quiet copy would be taken for too old after a restart, and all of its log be read.
CAF_TEST(copies_that_stay_the_same_are_noted_as_up_to_date_now_and_then) {
  struct Watched final : LocalState {
    Watched(std::unique_ptr<LocalState> of, std::shared_ptr<std::atomic<std::int64_t>> into)
        : inner(std::move(of)), synced(std::move(into)) {}
    Result<std::optional<std::string>> get(std::string_view key) const override { return inner->get(key); }
    Result<void> apply(std::span<const Change> changes, const LogPosition& place) override {
      *synced = place.synced.time_since_epoch().count();
      return inner->apply(changes, place);
    }
    Result<LogPosition> place() const override { return inner->place(); }
    Result<void> clear() override { return inner->clear(); }
    std::unique_ptr<LocalState> inner;
    std::shared_ptr<std::atomic<std::int64_t>> synced;
  };
  const auto synced = std::make_shared<std::atomic<std::int64_t>>(0);
  options.copy_refresh = std::chrono::milliseconds(100);
  options.local_state = [synced, open = options.local_state](
                            const std::string& service,
                            PartitionId partition) -> Result<std::unique_ptr<LocalState>> {
    return std::unique_ptr<LocalState>(std::make_unique<Watched>(open(service, partition).value(), synced));
  };
  open();
  Driver driver(*store);
  driver.ready();
  const std::int64_t first = *synced;
  driver.until("the copy to be noted again", [&] { return *synced > first + 100; });
}

// librdkafka 2.0.2 does not bear a consumer's end between its first join and its first assignment.
CAF_TEST(a_session_may_be_closed_at_any_moment_of_its_start) {
  open();
  for (int ms = 0; ms < 40; ++ms) {
    auto session = store->open_session(conformance::driver_options("s" + std::to_string(ms))).value();
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
    session->close();
    CAF_CHECK(!session->poll({}).ok());
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
