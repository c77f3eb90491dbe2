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
  std::size_t max_state_bytes() const override { return most; }
  Result<void> append(std::shared_ptr<const SliceEffects> slice) override {
    const SliceEffects& effects = *slice;
    for (const auto& change : effects.state)
      if (change.value && change.key.size() + change.value->size() > most)
        return Error{ErrorCode::too_large, "the state of a key is too large"};
    return inner_->append(std::move(slice));
  }
};

// A store whose cycles are small.
class SmallCycles final : public support::ShellSession {
 public:
  static constexpr std::size_t room = 40'000;
  using ShellSession::ShellSession;
  std::size_t max_cycle_bytes() const override { return room; }
  Result<void> append(std::shared_ptr<const SliceEffects> slice) override {
    const SliceEffects& effects = *slice;
    std::size_t bytes = open_ + effects.outputs.bytes.size();
    for (const auto& change : effects.state) bytes += change.key.size() + change.value.value_or("").size();
    if (bytes > room) return Error{ErrorCode::too_large, "a commit cycle of " + std::to_string(bytes)};
    open_ = bytes;
    return inner_->append(std::move(slice));
  }
  Result<void> commit(CycleId cycle) override {
    open_ = 0;
    return inner_->commit(cycle);
  }
  Result<void> abort() override {
    open_ = 0;
    return inner_->abort();
  }

 private:
  std::size_t open_ = 0;
};

struct Notes {
  std::vector<std::string> lines = {};
  std::int64_t clicks = 0;
  EVENTY_FIELDS(lines, clicks);
};

// Notes a line of as many characters as the click says.
Service notes(FailurePolicy policy = {}) {
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
  explicit Small(FailurePolicy policy = {}) : Fixture(notes()) {
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
  for (const auto then : {FinalAction::dead_letter, FinalAction::park_key}) {
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
  Small s({.then = FinalAction::park_key});
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

namespace {

// Says as many characters as the click does, in parts that no limit of records stops.
Service echo() {
  return service<>("counter").on(exactly_once, [](Turn<NoState>& turn, const Clicked& c) {
    for (std::int64_t left = c.n; left > 0; left -= 1'000)
      turn.emit(
          Counted{std::string(static_cast<std::size_t>(std::min<std::int64_t>(left, 1'000)), 'x'), c.n});
  });
}
struct Echo : Fixture {
  explicit Echo(std::uint32_t partitions) : Fixture(echo(), partitions) {
    BridgeOptions patient{.cycle = {.interval = Duration(1'000)}};
    node = std::make_unique<LocalService>(
        store, echo(), options(), patient, clock, partitions, "node",
        [](LocalService::Session s) { return std::make_unique<SmallCycles>(std::move(s)); });
    settle();
  }
};

}  // namespace

CAF_TEST(outputs_of_one_record_over_what_a_cycle_holds_are_a_failure_of_its_turn) {
  Echo e(1);
  e.click(900), e.click(30'000), e.click(800);
  e.settle(60);
  std::vector<std::int64_t> said;
  for (const auto& seen : e.seen()) said.push_back(seen.n);
  CAF_CHECK(said == (std::vector<std::int64_t>{900, 800}));
  const auto letters = support::log_of(e.store, "counter-dead-letters", 0);
  CAF_REQUIRE_EQUAL(letters.size(), 1u);
  for (const auto& [name, value] : letters[0].headers)
    if (name == dead_letter::reason)
      CAF_CHECK(value.find("a quarter of what a commit cycle may hold, 10000") != value.npos);
}

CAF_TEST(slices_end_where_a_cycle_is_full_and_those_of_all_partitions_fit) {
  constexpr int keys = 12, each = 12;  // of 5,000 bytes: 18 cycles at least
  for (const std::uint32_t partitions : {1u, 6u}) {
    Echo e(partitions);
    for (int i = 0; i < each; ++i)
      for (int k = 0; k < keys; ++k) e.click(5'000, "key-" + std::to_string(k));
    e.store.next_commit("counter", MemoryStore::CommitFate::held);
    for (int i = 0; i < 40; ++i) e.node->round();  // slices come while a commit is in flight
    e.store.resume_commit("counter");
    e.settle(400);
    CAF_CHECK_EQUAL(e.seen().size(), std::size_t{keys * each * 5});
    CAF_CHECK(support::log_of(e.store, "counter-dead-letters", 0).empty());
  }
}

namespace {

// A store whose topics are small, and compacted.
class SmallTopics final : public support::ShellSession {
 public:
  using ShellSession::ShellSession;
  std::size_t max_record_bytes(TopicIndex) const override { return 6'000; }
  bool needs_keys(TopicIndex) const override { return true; }
  Result<void> append(std::shared_ptr<const SliceEffects> slice) override {
    const SliceEffects& effects = *slice;
    for (const auto& e : effects.outputs.entries)
      if (!e.has_key || e.key_size + e.value_size > max_record_bytes(e.topic))
        return Error{ErrorCode::too_large, "a record that its topic does not take"};
    return inner_->append(std::move(slice));
  }
};

struct Answer {
  std::string text;
  EVENTY_FIELDS(text);
  using record = Response<"urn:other", "Answer", "1.0.0">;
};

struct Topics : Fixture {
  explicit Topics(const Service& service, std::uint32_t partitions) : Fixture(service, partitions) {
    node = std::make_unique<LocalService>(
        store, service, options(), BridgeOptions{}, clock, partitions, "node",
        [](LocalService::Session s) { return std::make_unique<SmallTopics>(std::move(s)); });
    settle();
  }
  std::vector<std::string> reasons(std::uint32_t partitions) {
    std::vector<std::string> out;
    for (std::uint32_t p = 0; p < partitions; ++p)
      for (const auto& letter : support::log_of(store, "counter-dead-letters", p))
        for (const auto& [name, value] : letter.headers)
          if (name == dead_letter::reason) out.push_back(value);
    return out;
  }
};

}  // namespace

CAF_TEST(a_response_that_is_too_large_to_be_forwarded_becomes_a_dead_letter) {
  constexpr std::uint32_t partitions = 2;
  Topics t(service<Tally>("counter").on(
               exactly_once,
               [](Turn<Tally>& turn, const Reply<Answer>& answer) {
                 ++turn.edit().n;
                 turn.emit(Counted{"answered", static_cast<std::int64_t>(answer.value().text.size())});
               }),
           partitions);
  const PartitionId elsewhere{(partition_of("ann", partitions, Partitioner::crc32).value + 1) % partitions};
  for (const std::size_t size : {100u, 7'000u, 200u}) {
    Record record(Kind::response, "urn:other", "Answer", "urn:other");
    record.set_destination("urn:counter").set_request_uuid(record.uuid());
    record.context["urn:counter"]["request:" + record.uuid()] = std::string("ann");
    record.data = {{"text", Value{std::string(size, 'x')}}};
    const auto encoder = testing::plain_serializer()->make_encoder();
    t.store.append("other-responses", {{.value = encode(record, *encoder), .partition = elsewhere}}).value();
  }
  t.settle(30);
  std::vector<std::int64_t> sizes;
  for (const auto& seen : t.seen()) sizes.push_back(seen.n);
  CAF_CHECK(sizes == (std::vector<std::int64_t>{100, 200}));
  const auto reasons = t.reasons(partitions);
  CAF_REQUIRE_EQUAL(reasons.size(), 1u);
  CAF_CHECK(reasons[0].find("over what its topic takes, 6000") != std::string::npos);
}

CAF_TEST(an_output_without_a_key_for_a_topic_that_takes_none_is_a_failure_of_its_turn) {
  Topics t(service<>("counter").on(exactly_once,
                                   [](Turn<NoState>& turn, const Clicked& c) {
                                     turn.emit(Counted{"said", c.n});
                                   }),
           1);
  t.click(1);
  Record record(Kind::event, "urn:web", "Clicked", "urn:web");
  record.data = {{"n", Value{std::int64_t{2}}}};
  const auto encoder = testing::plain_serializer()->make_encoder();
  t.store.append("web-events", {{.value = encode(record, *encoder)}}).value();
  t.click(3);
  t.settle();
  std::vector<std::int64_t> said;
  for (const auto& seen : t.seen()) said.push_back(seen.n);
  CAF_CHECK(said == (std::vector<std::int64_t>{1, 3}));
  const auto reasons = t.reasons(1);
  CAF_REQUIRE_EQUAL(reasons.size(), 1u);
  CAF_CHECK(reasons[0].find("without a key") != std::string::npos);
}
