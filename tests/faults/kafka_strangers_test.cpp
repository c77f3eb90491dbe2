// What others than its nodes do to a service's group, positions and topics, on a real broker: never a skip or
// a repeat in silence.
// ctest: KAFKA
#define CAF_SUITE kafka_strangers

#include "adapters/kafka/changelog.hpp"
#include "kafka_service.hpp"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <sstream>
#include <thread>

using namespace eventy;
using conformance::Driver;
using conformance::Slice;
using tests::end_of_session;
using tests::KafkaService;
using tests::says;

namespace {

struct Fixture : KafkaService {
  Fixture() { options.session_timeout = std::chrono::milliseconds(1000); }
  // A session that has committed a state and the position behind what is there.
  void work(std::int64_t up_to = 1) {
    Driver driver(*store);
    driver.ready().read_until(static_cast<std::size_t>(up_to));
    driver.append(Slice().set("k", std::to_string(up_to)).next(up_to));
    driver.commit(1);
  }
  kafka::detail::PositionNote note() { return kafka::detail::read_note(committed().metadata); }
  Error end_of_next() {
    Driver next(*store);
    auto end = end_of_session(next);
    CAF_MESSAGE(end.message);
    return end;
  }
  // It reads the records from `next` on, in a session that ends afterwards.
  void goes_on(std::int64_t next, std::size_t records) {
    Driver driver(*store);
    driver.ready().read_until(records);
    CAF_CHECK_EQUAL(driver.read().front().offset, next);
    driver.append(Slice().next(next + static_cast<std::int64_t>(records)));
    driver.commit(2);
    CAF_CHECK_EQUAL(driver.committed.size(), 1u);
  }
};

// A member of a service's group that is no node of it, as a console consumer is.
class Stranger {
 public:
  Stranger(const kafka::Options& options, const std::string& group, const char* strategy) {
    auto* conf = rd_kafka_conf_new();
    char why[512];
    for (const auto& [name, value] : {std::pair<const char*, std::string>("group.id", group),
                                      {"bootstrap.servers", options.bootstrap},
                                      {"client.id", "console-consumer"},
                                      {"enable.auto.commit", "false"},
                                      {"partition.assignment.strategy", strategy}})
      rd_kafka_conf_set(conf, name, value.c_str(), why, sizeof why);
    consumer_.reset(rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why));
    rd_kafka_poll_set_consumer(consumer_.get());
    const auto topics = kafka::detail::make_list(1);
    rd_kafka_topic_partition_list_add(topics.get(), (options.prefix + "in").c_str(), -1);
    rd_kafka_subscribe(consumer_.get(), topics.get());
    thread_ = std::thread([this] {
      while (!ends_) {
        const kafka::detail::Message message(rd_kafka_consumer_poll(consumer_.get(), 10));
        joined_ = joined_ || message;
      }
    });
  }
  ~Stranger() {
    ends_ = true;
    thread_.join();
    rd_kafka_consumer_close(consumer_.get());
  }
  bool has_joined() const { return joined_; }

 private:
  kafka::detail::Owner<rd_kafka_t, rd_kafka_destroy> consumer_ = {};
  std::atomic<bool> ends_ = false, joined_ = false;
  std::thread thread_ = {};
};

// Copies of states that outlive their sessions, as files do.
class KeptCopies {
 public:
  OpenLocalState open() {
    return [this](const std::string& service, PartitionId p) -> Result<std::unique_ptr<LocalState>> {
      auto& kept = copies_[p];
      if (!kept) kept = local_state_in_memory()(service, p).value();
      return std::unique_ptr<LocalState>(std::make_unique<Shared>(kept));
    };
  }
  std::shared_ptr<LocalState> of(PartitionId p) { return copies_.at(p); }

 private:
  struct Shared final : LocalState {
    explicit Shared(std::shared_ptr<LocalState> of) : kept(std::move(of)) {}
    Result<std::optional<std::string>> get(std::string_view key) const override { return kept->get(key); }
    Result<void> apply(std::span<const Change> changes, const LogPosition& place) override {
      return kept->apply(changes, place);
    }
    Result<LogPosition> place() const override { return kept->place(); }
    Result<void> clear() override { return kept->clear(); }
    std::shared_ptr<LocalState> kept;
  };
  std::map<PartitionId, std::shared_ptr<LocalState>> copies_ = {};
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(strangers, Fixture)

// --- positions ---

// As --reset-offsets leaves it, and a console consumer in the group: states would not fit it.
CAF_TEST(a_position_that_no_node_wrote_is_refused) {
  open();
  work();
  commit_by_hand("", Offset{0});
  const auto end = end_of_next();
  CAF_CHECK(end.code == ErrorCode::corrupt);
  for (const auto* text :
       {"topic in partition 0", "offset 0", "accept_positions = \"counter\"", "start over"})
    CAF_CHECK(says(end, text));
  CAF_CHECK_EQUAL(committed().next.value_or(Offset{-1}).value, 0);
}

// By a tool that keeps what stands beside it.
CAF_TEST(a_position_that_was_moved_with_its_note_is_refused) {
  open();
  work();
  commit_by_hand(committed().metadata, Offset{0});
  CAF_CHECK(end_of_next().code == ErrorCode::corrupt);
}

CAF_TEST(a_position_that_is_accepted_is_a_nodes_own_from_then_on) {
  open();
  work();
  commit_by_hand("", Offset{0});
  auto accepting = options;
  accepting.accept_positions = {"another", "counter"};
  {
    const auto once = kafka::open(accepting).value();
    Driver driver(*once);
    driver.ready().read_until(1);
    CAF_CHECK_EQUAL(driver.state("k").value().value_or("none"), "1");  // as it was
  }
  goes_on(0, 1);
}

CAF_TEST(a_position_that_was_set_before_the_first_start_is_where_it_begins) {
  open();
  feed(2, "more ");
  commit_by_hand("", Offset{2});
  goes_on(2, 1);
}

CAF_TEST(a_position_with_a_note_of_an_earlier_release_is_a_nodes) {
  open();
  work();
  commit_by_hand("eventy/1 by=" + options.prefix + "counter-node-0 cycle=c-1", Offset{0});
  goes_on(0, 1);
}

// --- members ---

// Before the group is joined: its rebalance would wait for the stranger.
CAF_TEST(a_foreign_member_is_named_before_its_group_is_joined) {
  open();
  Stranger stranger(options, group(), "range");
  while (kafka::detail::membership_of(*client, group()).value().foreign.empty())
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto began = std::chrono::steady_clock::now();
  const auto session = store->open_session(conformance::driver_options());
  CAF_REQUIRE(!session.ok());
  CAF_MESSAGE(session.error().message);
  CAF_CHECK(session.error().code == ErrorCode::busy);
  CAF_CHECK(says(session.error(), "console-consumer"));
  CAF_CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(5));
}

CAF_TEST(a_foreign_member_that_comes_later_is_named_in_the_log) {
  std::ostringstream lines;
  options.log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines));
  open();
  Driver driver(*store);
  driver.ready();
  {
    Stranger stranger(options, group(), "cooperative-sticky");
    driver.until("the line", [&] {
      if (!driver.revoked.empty()) driver->release(std::exchange(driver.revoked, {}));
      return lines.str().find("[error]") != std::string::npos;
    });
  }
  CAF_CHECK(lines.str().find("client console-consumer") != std::string::npos);
}

// --- topics ---

// Grown past the old position, so that only its records tell that it is another one.
CAF_TEST(a_topic_that_is_made_anew_while_it_is_read_ends_the_session) {
  open();
  feed(399, "old ");
  Driver driver(*store);
  driver.ready().read_until(400);
  driver.append(Slice().next(400));
  driver.commit(1);
  make_input_anew(600);
  const auto end = end_of_session(driver);
  CAF_MESSAGE(end.message);
  CAF_CHECK(end.code == ErrorCode::corrupt);
  CAF_CHECK(says(end, "topic in partition 0") && says(end, "record at offset 399 is another one"));
  CAF_CHECK_EQUAL(driver.read().size(), 400u);
}

CAF_TEST(a_topic_that_is_made_anew_and_shorter_is_told_by_its_offsets) {
  open();
  feed(9, "old ");
  Driver driver(*store);
  driver.ready().read_until(10);
  make_input_anew(5);
  const auto end = end_of_session(driver);
  CAF_MESSAGE(end.message);
  CAF_CHECK(end.code == ErrorCode::corrupt);
  CAF_CHECK(says(end, "topic in partition 0 up to offset 10, but it holds 0 to 5"));
}

// Where no fetch meets an error, because librdkafka makes none.
CAF_TEST(a_check_now_and_then_finds_a_topic_that_ends_before_what_was_read) {
  options.topic_check_interval = std::chrono::milliseconds(300);
  options.properties = {{"fetch.error.backoff.ms", "100000"},
                        {"topic.metadata.propagation.max.ms", "100000"},
                        {"topic.metadata.refresh.fast.interval.ms", "60000"}};
  open();
  Driver driver(*store);
  driver.ready().read_until(1);
  make_input_anew(0);
  const auto end = end_of_session(driver);
  CAF_MESSAGE(end.message);
  CAF_CHECK(says(end, "topic in partition 0 up to offset 1, but it holds 0 to 0"));
}

CAF_TEST(a_takeover_knows_the_topic_again_by_the_last_record) {
  open();
  work();
  CAF_CHECK_EQUAL(note().last.at.value, 0);
  const auto ours = note();
  auto later = ours, changed = ours;
  ++later.last.timestamp;
  ++changed.last.checksum;
  for (const auto& other : {later, changed}) {
    commit_by_hand(kafka::detail::to_text(other), Offset{1});
    const auto end = end_of_next();
    CAF_CHECK(end.code == ErrorCode::corrupt);
    CAF_CHECK(says(end, "record at offset 0 is another one"));
  }
  commit_by_hand(kafka::detail::to_text(ours), Offset{1});
  feed(1, "more ");
  goes_on(1, 1);
}

CAF_TEST(a_takeover_does_not_need_a_record_that_has_expired) {
  open();
  work();
  delete_records(Offset{1});
  feed(1, "more ");
  goes_on(1, 1);
}

// --- a cluster that has lost everything ---

CAF_TEST(copies_of_states_are_not_emptied_for_a_cluster_that_lost_its_topics) {
  KeptCopies copies;
  options.local_state = copies.open();
  open();
  work();
  const auto incarnation = note().log;
  CAF_REQUIRE(!incarnation.empty());
  await_empty_group();
  delete_topics({"in", "out", "counter-changelog"});
  delete_group();
  open();
  const auto end = end_of_next();
  CAF_CHECK(end.code == ErrorCode::corrupt);
  CAF_CHECK(says(end, "has no name") && says(end, "incarnation " + incarnation));
  const auto kept = copies.of(PartitionId{0})->get(kafka::detail::changelog_key("state", "k")).value();
  CAF_CHECK_EQUAL(kept.value_or("gone"), "1");

  // A node without copies has begun anew meanwhile, and this one comes back.
  auto without = options;
  without.local_state = local_state_in_memory();
  {
    const auto other_store = kafka::open(without).value();
    Driver other(*other_store, conformance::driver_options("counter", "other"));
    other.ready();
  }
  const auto both = end_of_next();
  CAF_CHECK(both.code == ErrorCode::corrupt);
  CAF_CHECK(says(both, "is incarnation ") && says(both, "belongs to incarnation " + incarnation));
  CAF_CHECK(copies.of(PartitionId{0})->get(kafka::detail::changelog_key("state", "k")).value().has_value());

  // Positions that name the new log say that this was meant.
  {
    const auto other_store = kafka::open(without).value();
    Driver other(*other_store, conformance::driver_options("counter", "other"));
    other.ready().read_until(1);
    other.append(Slice().set("k", "new").next(1));
    other.commit(3);
  }
  Driver driver(*store);
  driver.ready();
  CAF_CHECK_EQUAL(driver.state("k").value().value_or("none"), "new");
}

CAF_TEST_FIXTURE_SCOPE_END()
