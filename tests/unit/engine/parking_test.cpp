// Failed records that wait, in the state of their partition: through aborts, crashes, restarts and moves,
// within limits, until they are released. The engines of bridge and partitions on the memory store, step by
// step.
#define CAF_SUITE parking

#include <caf/test/unit_test.hpp>

#include "../../support/shell_session.hpp"
#include "counter_fixture.hpp"
#include "eventy/engine/parking.hpp"

namespace {

using namespace eventy;
using namespace eventy::counting;
using Fate = MemoryStore::CommitFate;
using namespace std::chrono_literals;

// Fails on negative clicks until it is mended.
struct Faulty {
  bool is_mended = false;
  std::int64_t attempts = 0;
};
Service faulty(std::shared_ptr<Faulty> how, FailurePolicy policy) {
  return service<Tally>("counter")
      .on(exactly_once,
          [how](Turn<Tally>& turn, const Clicked& c) {
            turn.edit().n = turn.edit().n * 10 + std::abs(c.n);
            turn.emit(Counted{std::string(turn.key()), turn.state()->n});
            if (c.n >= 0 || how->is_mended) return;
            ++how->attempts;
            throw Busy("not now");
          })
      .on_failure(std::move(policy));
}
const FailurePolicy parks{.then = FinalAction::park_key};

std::vector<ParkedKey> parked(const Fixture& f) {
  return parked_keys(f.store, *testing::plain_state_format(), "counter").value();
}
void release(Fixture& f, const std::string& key) {
  const ServiceRuntime service(faulty({}, {}), f.options());
  for (const auto& p : parked(f))
    if (p.key == key) release_key(f.store, service, p).value();
}
// Of the only parked key.
std::uint64_t waiting_records(const Fixture& f) {
  const auto keys = parked(f);
  return keys.size() == 1 ? keys[0].records : 0;
}
std::int64_t position(const Fixture& f) {
  return f.store.position("counter", "web-events", {0}).value().value;
}

std::vector<support::Seen> dead_letters(Fixture& f) {
  return support::log_of(f.store, "counter-dead-letters");
}
std::map<std::string, std::string> headers_of(const support::Seen& letter) {
  return {letter.headers.begin(), letter.headers.end()};
}
// Of two nodes that share the work.
void settle_both(Fixture& f, LocalService& other) {
  for (int i = 0; i < 12; ++i) f.node->round(), other.round(), f.clock.advance(30ms);
}

// Whose topic of dead letters takes so much of key and value.
struct SmallDeadLetters final : support::ShellSession {
  SmallDeadLetters(std::unique_ptr<StoreSession> inner, std::size_t size)
      : ShellSession(std::move(inner)), most(size) {}
  std::size_t max_record_bytes(TopicIndex topic) const override {
    return topic == ServiceRuntime::dead_letters ? most : ShellSession::max_record_bytes(topic);
  }
  std::size_t most;
};

}  // namespace

CAF_TEST(parked_records_survive_a_restart_and_are_released_in_order_by_a_request) {
  const auto how = std::make_shared<Faulty>();
  Fixture f(faulty(how, parks));
  for (const std::int64_t n : {1, -2, 3}) f.click(n);
  f.click(5, "bob");
  f.settle();
  f.node.reset();
  f.node = f.make(faulty(how, parks), "node");
  f.click(4);
  f.settle();
  CAF_CHECK_EQUAL(position(f), 5);
  CAF_CHECK_EQUAL(f.state(), 1);
  CAF_CHECK_EQUAL(f.state("bob"), 5);
  const auto waiting = parked(f);
  CAF_REQUIRE_EQUAL(waiting.size(), 1u);
  CAF_CHECK_EQUAL(waiting[0].key, "ann");
  CAF_CHECK_EQUAL(waiting[0].records, 3u);
  CAF_CHECK_EQUAL(waiting[0].reason, "not now");
  how->is_mended = true;
  release(f, "ann");
  f.settle();
  CAF_CHECK_EQUAL(f.state(), 1234);
  CAF_CHECK_EQUAL(f.seen().size(), 5u);
  CAF_CHECK(parked(f).empty());
}

CAF_TEST(parked_records_move_with_their_partition) {
  const auto how = std::make_shared<Faulty>();
  Fixture f(faulty(how, parks));
  f.click(-1), f.click(2);
  f.settle();
  const auto other = f.make(faulty(how, parks), "other");
  settle_both(f, *other);
  f.store.revoke("counter", {0});
  settle_both(f, *other);
  f.store.assign("counter", "other", {0});
  how->is_mended = true;
  release(f, "ann");
  settle_both(f, *other);
  CAF_CHECK_EQUAL(other->owned().size(), 1u);
  CAF_CHECK_EQUAL(f.state(), 12);
}

CAF_TEST(a_key_that_is_parked_in_an_aborted_cycle_is_parked_once) {
  for (const auto fate : {Fate::aborts, Fate::unknown_and_aborted, Fate::unknown_but_committed}) {
    const auto how = std::make_shared<Faulty>();
    Fixture f(faulty(how, parks));
    f.store.next_commit("counter", fate);
    f.click(-1), f.click(2);
    f.settle();
    CAF_CHECK_EQUAL(waiting_records(f), 2u);
    how->is_mended = true;
    f.store.next_commit("counter", fate);  // of the release as well
    release(f, "ann");
    f.settle();
    CAF_CHECK_EQUAL(f.state(), 12);
    CAF_CHECK_EQUAL(f.seen().size(), 2u);
  }
}

// The first slice of it is committed, then the partition crashes.
CAF_TEST(a_release_that_a_crash_interrupts_goes_on_without_a_new_record) {
  const auto how = std::make_shared<Faulty>();
  Fixture f(faulty(how, parks), 1, {.cycle = {.max_bytes = 1}});
  f.click(-1);
  for (int i = 0; i < 9; ++i) f.click(1);
  f.settle();
  how->is_mended = true;
  auto short_slices = f.options();
  short_slices.max_records_per_slice = 4;
  f.node.reset();
  f.node = std::make_unique<LocalService>(f.store, faulty(how, parks), short_slices,
                                          BridgeOptions{.cycle = {.max_bytes = 1}}, f.clock, 1);
  release(f, "ann");
  while (waiting_records(f) > 7) f.node->round(), f.clock.advance(1ms);
  CAF_REQUIRE_EQUAL(parked(f).size(), 1u);
  f.node->crash(0);
  f.node->start_again(0);
  f.settle();
  CAF_CHECK_EQUAL(f.state(), 1'111'111'111);
  CAF_CHECK_EQUAL(f.seen().size(), 10u);
  CAF_CHECK(parked(f).empty());
}

// The request is committed as read, and nothing is released yet, when the node ends.
CAF_TEST(a_release_that_was_read_is_not_forgotten_by_a_restart) {
  const auto how = std::make_shared<Faulty>();
  Fixture f(faulty(how, parks));
  f.click(-1), f.click(2);
  f.settle();
  how->is_mended = true;
  auto one_by_one = f.options();
  one_by_one.max_records_per_slice = 1;
  f.node.reset();
  f.node = std::make_unique<LocalService>(f.store, faulty(how, parks), one_by_one,
                                          BridgeOptions{.cycle = {.max_bytes = 1}}, f.clock, 1);
  release(f, "ann");
  const auto is_read = [&] {
    return f.store.position("counter", "counter-requests", {0}).value().value == 1;
  };
  for (f.node->poll(); !is_read(); f.node->poll()) f.node->work(), f.node->hand_over(), f.clock.advance(1ms);
  CAF_REQUIRE_EQUAL(waiting_records(f), 2u);
  f.node.reset();
  f.node = f.make(faulty(how, parks), "node");
  f.settle();
  CAF_CHECK_EQUAL(f.state(), 12);
  CAF_CHECK(parked(f).empty());
}

CAF_TEST(beyond_its_limits_a_partition_pauses_until_there_is_room_again) {
  const auto how = std::make_shared<Faulty>();
  Fixture f(faulty(how, parks), 1, {}, {.records_per_key = 2});
  for (const std::int64_t n : {-1, 2, 3, 4}) f.click(n);
  f.click(7, "bob");
  f.settle();
  CAF_CHECK_EQUAL(position(f), 2);
  CAF_CHECK_EQUAL(f.state("bob"), 0);
  CAF_CHECK_EQUAL(waiting_records(f), 2u);
  how->is_mended = true;
  f.node->partition(0).release("ann");
  f.settle(60);
  CAF_CHECK_EQUAL(f.state(), 1234);
  CAF_CHECK_EQUAL(f.state("bob"), 7);
  CAF_CHECK(dead_letters(f).empty());
}

// A request for a release would lie behind the record for which there is no room.
CAF_TEST(a_partition_that_pauses_for_room_tries_the_parked_key_again_by_itself) {
  const auto how = std::make_shared<Faulty>();
  Fixture f(faulty(how, parks), 1, {.max_batches_in_flight = 1}, {.records_per_key = 2});
  for (const std::int64_t n : {-1, 2, 3, 4}) f.click(n);
  f.click(7, "bob");
  f.settle(80);
  CAF_CHECK_EQUAL(waiting_records(f), 2u);
  CAF_CHECK_EQUAL(position(f), 2);
  CAF_CHECK_GREATER(how->attempts, 1);
  release(f, "ann");
  how->is_mended = true;
  f.settle(80);
  CAF_CHECK_EQUAL(f.state(), 1234);
  CAF_CHECK_EQUAL(f.state("bob"), 7);
  CAF_CHECK(parked(f).empty());
  CAF_CHECK(dead_letters(f).empty());
}

CAF_TEST(a_record_that_cannot_be_parked_for_its_size_pauses_the_partition) {
  Fixture f(faulty(std::make_shared<Faulty>(), parks), 1, {}, {.record_bytes = 10});
  f.click(-1);
  f.settle();
  CAF_CHECK_EQUAL(position(f), 0);
  CAF_CHECK(parked(f).empty());
  CAF_CHECK_EQUAL(f.node->partition(0).stats().pauses, 1u);
}

CAF_TEST(a_long_retry_goes_on_after_a_restart_where_it_was) {
  const auto how = std::make_shared<Faulty>();
  const FailurePolicy policy{.retry = {.times = 2, .first = 10s, .max = 60s}};
  Fixture f(faulty(how, policy));
  f.click(1), f.click(-2);
  f.settle();
  CAF_CHECK_EQUAL(how->attempts, 1);
  for (int attempts : {1, 2}) {
    f.node.reset();
    f.node = f.make(faulty(how, policy), "node");
    f.settle();
    CAF_CHECK_EQUAL(how->attempts, attempts);  // none before its time
    f.clock.advance(attempts == 1 ? 13s : 25s);
    f.settle();
    CAF_CHECK_EQUAL(how->attempts, attempts + 1);
  }
  const auto letters = dead_letters(f);
  CAF_REQUIRE_EQUAL(letters.size(), 1u);
  CAF_CHECK_EQUAL(headers_of(letters[0]).at("eventy-attempts"), "3");
  CAF_CHECK_EQUAL(position(f), 2);
  std::size_t rows = 0;
  f.store.scan("counter", "failures", [&](auto...) { return ++rows, true; }).value();
  CAF_CHECK_EQUAL(rows, 0u);
}

CAF_TEST(attempts_are_not_forgotten_when_a_cycle_is_aborted_meanwhile) {
  const auto how = std::make_shared<Faulty>();
  Fixture f(faulty(how, {.retry = {.times = 3, .first = 50ms, .max = 50ms}}), 2);
  f.click(-1);
  const std::string other = key_beside("ann");
  for (int i = 0; i < 10; ++i) {
    f.store.next_commit("counter", Fate::aborts);
    f.click(1, other);
    f.settle(4);
  }
  const auto aborted = static_cast<std::int64_t>(f.node->bridge().stats().aborted);
  CAF_CHECK_GREATER(aborted, 3);
  // Of a record that is undone the last try alone is made again.
  CAF_CHECK_GREATER_OR_EQUAL(how->attempts, 4);
  CAF_CHECK_LESS_OR_EQUAL(how->attempts, 4 + aborted);
}

CAF_TEST(a_node_drains_though_a_partition_waits_for_a_dependency) {
  Fixture f(faulty(std::make_shared<Faulty>(), {.then = FinalAction::pause_partition}));
  f.click(1), f.click(-2);
  f.settle();
  f.node->bridge().drain();
  CAF_CHECK(!f.node->bridge().idle());
  f.settle();
  CAF_CHECK(f.node->bridge().drained());
  CAF_CHECK_EQUAL(position(f), 1);
}

CAF_TEST(a_dead_letter_keeps_bytes_and_headers_and_says_all_that_is_known) {
  Fixture f(faulty(std::make_shared<Faulty>(), {}));
  Record record(Kind::event, "urn:web", "Clicked", "urn:web");
  record.set_partition_key("ann");
  record.data = {{"n", Value{std::int64_t{-1}}}};
  const std::string bytes = encode(record, *testing::plain_serializer()->make_encoder());
  f.store.append("web-events", {{.key = "ann", .value = bytes, .headers = {{"trace", "t-1"}}}}).value();
  f.settle();
  const auto letters = dead_letters(f);
  CAF_REQUIRE_EQUAL(letters.size(), 1u);
  CAF_CHECK(letters[0].value == bytes);
  auto headers = headers_of(letters[0]);
  CAF_CHECK_EQUAL(headers["trace"], "t-1");
  CAF_CHECK_EQUAL(headers["eventy-reason"], "not now");
  CAF_CHECK_EQUAL(headers["eventy-error-class"], "eventy::counting::Busy");
  CAF_CHECK_EQUAL(headers["eventy-handler"], "Clicked");
  CAF_CHECK_EQUAL(headers["eventy-attempts"], "1");
  CAF_CHECK_EQUAL(headers["eventy-topic"], "web-events");
  CAF_CHECK_EQUAL(headers["eventy-partition"], "0");
  CAF_CHECK_EQUAL(headers["eventy-offset"], "0");
  CAF_CHECK(!headers["eventy-time"].empty());
}

CAF_TEST(a_dead_letter_that_does_not_fit_goes_without_its_bytes_but_with_its_place) {
  constexpr std::size_t most = 10'000;
  Fixture f(faulty(std::make_shared<Faulty>(), {}));
  f.node = std::make_unique<LocalService>(
      f.store, faulty(std::make_shared<Faulty>(), {}), f.options(), BridgeOptions{}, f.clock, 1, "node",
      [most](LocalService::Session session) -> LocalService::Session {
        return std::make_unique<SmallDeadLetters>(std::move(session), most);
      });
  const std::string long_key(most, 'k');
  const std::vector<NewRecord> given{
      {.key = "ann", .value = std::string(most / 2, 'x')},
      {.key = "ann", .value = std::string(most, 'x')},
      {.key = long_key, .value = "x"},
      {.key = "ann", .value = "x", .headers = {{"h", std::string(most, 'x')}}}};
  f.store.append("web-events", given).value();
  f.settle();
  const auto letters = dead_letters(f);
  CAF_REQUIRE_EQUAL(letters.size(), given.size());
  CAF_CHECK_EQUAL(letters[0].value, given[0].value);
  CAF_CHECK_EQUAL(letters[2].key.value_or("none"), "none");
  const char* left_out[] = {"", "value", "key and value", "value"};
  for (std::size_t i = 0; i < letters.size(); ++i) {
    auto headers = headers_of(letters[i]);
    CAF_CHECK_EQUAL(headers["eventy-left-out"], left_out[i]);
    CAF_CHECK_EQUAL(headers["eventy-topic"], "web-events");
    CAF_CHECK_EQUAL(headers["eventy-offset"], std::to_string(i));
    CAF_CHECK_EQUAL(headers["eventy-error-class"], "DecodeError");
    if (i == 0) continue;
    CAF_CHECK(letters[i].value.empty());
    CAF_CHECK_EQUAL(headers.count("h"), 0u);
    CAF_CHECK(i == 2 || letters[i].key == "ann");
  }
}
