// Which positions a session commits beside those that its records move, on a real broker.
// ctest: KAFKA
#define CAF_SUITE kafka_positions

#include "adapters/kafka/client.hpp"
#include "adapters/kafka/group.hpp"
#include "adapters/kafka/positions.hpp"
#include "adapters/kafka/transaction.hpp"
#include "conformance/driver.hpp"
#include "eventy/kafka/kafka_store.hpp"
#include "support/kafka_broker.hpp"

#include "caf/test/unit_test.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

using namespace eventy;
using conformance::Driver;
using conformance::Slice;

namespace {

struct Fixture {
  Fixture() {
    options.bootstrap = eventy::tests::kafka_bootstrap();
    options.prefix = eventy::tests::unique_prefix();
  }
  void open() {
    store = kafka::open(options).value();
    store->ensure_topics({{"in", 1}, {"out", 1}}).value();
    store->append("in", {conformance::record("a")}).value();
    client = kafka::detail::Client::make(options).value();
  }
  // What stands in the group's committed offset.
  kafka::detail::Client::Committed committed() {
    return client->committed(options.prefix + "counter", {{options.prefix + "in", 0}}).value().at(0);
  }
  // The first position again, with another note: by nobody of the group, once that is empty.
  void commit_by_hand(const kafka::detail::PositionNote& note) {
    const std::string group = options.prefix + "counter";
    const auto deadline = std::chrono::steady_clock::now() + conformance::patience;
    while (!kafka::detail::membership_of(*client, group).value().members.empty() &&
           std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const auto transaction = kafka::detail::Transaction::open(*client, options.prefix + "by-hand").value();
    const auto list = kafka::detail::make_list(1);
    kafka::detail::add_position(*list, {options.prefix + "in", 0}, Offset{0}, note);
    const kafka::detail::GroupMetadata nobody(rd_kafka_consumer_group_metadata_new(group.c_str()));
    transaction->begin().value();
    using kafka::detail::Landing;
    CAF_REQUIRE(transaction->send_positions(*list, nobody.get()).how == Landing::How::committed);
    CAF_REQUIRE(transaction->commit().how == Landing::How::committed);
  }
  std::string cycle() { return kafka::detail::read_note(committed().metadata).cycle; }

  kafka::Options options = {};
  std::unique_ptr<RecordStore> store = {};
  std::shared_ptr<kafka::detail::Client> client = {};
};

// Holds the takeovers of a store, between their look at the positions and all else, until it is opened.
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

Error end_of_session(Driver& driver) {
  const auto deadline = std::chrono::steady_clock::now() + conformance::patience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (const auto polled = driver->poll({}); !polled.ok()) return polled.error();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return {};
}

}  // namespace

CAF_TEST_FIXTURE_SCOPE(positions, Fixture)

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
  CAF_CHECK(end.message.find("but it was written up to " + std::to_string(note.log_reached.value)) !=
            end.message.npos);
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
