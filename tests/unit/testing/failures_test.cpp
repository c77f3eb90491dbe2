// What becomes of failed turns, as the author of a service sees it on Bench: retries, dead letters, parked
// keys, pauses, the end; by class of error, for the service and for one handler.
#define CAF_SUITE failures

#include <caf/test/unit_test.hpp>
#include <functional>

#include "eventy/service.hpp"
#include "eventy/testing/bench.hpp"

namespace {

using namespace eventy;
using namespace std::chrono_literals;

struct Added {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:shop", "Added", "1.0.0">;
};
struct Removed {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:shop", "Removed", "1.0.0">;
};
struct Told {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:basket", "Told", "1.0.0">;
};
struct Basket {  // what was handled, in order: 1, 2, 3 makes 123
  std::int64_t order = 0;
  EVENTY_FIELDS(order);
};
struct Down : std::runtime_error {
  using runtime_error::runtime_error;
};
struct Poison : std::runtime_error {
  using runtime_error::runtime_error;
};

// What goes wrong with the records of a test, by their numbers.
struct Troubles {
  std::map<std::int64_t, std::function<void()>> with = {};
  std::int64_t turns = 0;
  void meet(std::int64_t n) {
    ++turns;
    if (const auto it = with.find(n); it != with.end()) it->second();
  }
};
using Shared = std::shared_ptr<Troubles>;

void poison() { throw Poison("poison"); }
void down() { throw Down("the shop is down"); }

auto adding(Shared troubles) {
  return [troubles](Turn<Basket>& turn, const Added& a) {
    turn.edit().order = turn.edit().order * 10 + a.n;
    turn.emit(Told{turn.state()->order});
    troubles->meet(a.n);
  };
}
Service basket(Shared troubles, FailurePolicy policy) {
  return service<Basket>("basket").on(exactly_once, adding(troubles)).on_failure(std::move(policy));
}

std::int64_t order(const testing::Bench& bench, const std::string& key) {
  return bench.state<Basket>(key).value_or(Basket{}).order;
}

const FailurePolicy parks{.then = FinalAction::park_key};

}  // namespace

using testing::Bench;

CAF_TEST(a_parked_key_keeps_the_order_of_its_records_while_other_keys_go_on) {
  const auto troubles = std::make_shared<Troubles>();
  troubles->with[2] = poison;
  Bench bench{basket(troubles, parks)};
  for (const std::int64_t n : {1, 2, 3}) bench.tell(Added{n}, "ann");
  bench.tell(Added{2}, "bob");
  bench.tell(Added{5}, "cleo");
  CAF_CHECK_EQUAL(order(bench, "ann"), 1);
  CAF_CHECK_EQUAL(order(bench, "cleo"), 5);
  CAF_CHECK_EQUAL(bench.parked("ann"), 2u);
  CAF_CHECK_EQUAL(bench.parked("bob"), 1u);
  CAF_CHECK_EQUAL(bench.parked("cleo"), 0u);
  CAF_CHECK_EQUAL(bench.dead_letters().size(), 0u);
  troubles->with.clear();
  bench.tell(Added{4}, "ann");
  bench.release("ann");
  CAF_CHECK_EQUAL(order(bench, "ann"), 1234);
  CAF_CHECK_EQUAL(order(bench, "bob"), 0);
  CAF_CHECK_EQUAL(bench.parked("ann"), 0u);
  bench.tell(Added{5}, "ann");
  CAF_CHECK_EQUAL(order(bench, "ann"), 12345);
  CAF_CHECK_EQUAL(bench.stats().released, 3u);
  CAF_CHECK_EQUAL(bench.sent<Told>().size(), 6u);
}

CAF_TEST(a_released_record_that_fails_again_stays_first_and_its_key_stays_parked) {
  const auto troubles = std::make_shared<Troubles>();
  troubles->with[1] = poison;
  Bench bench{basket(troubles, parks)};
  for (const std::int64_t n : {1, 2}) bench.tell(Added{n}, "ann");
  bench.release("ann");
  CAF_CHECK_EQUAL(bench.parked("ann"), 2u);
  CAF_CHECK_EQUAL(order(bench, "ann"), 0);
  CAF_CHECK_EQUAL(troubles->turns, 2);
  troubles->with.clear();
  bench.tell(Added{3}, "ann");
  CAF_CHECK_EQUAL(bench.parked("ann"), 3u);
  bench.release("ann");
  CAF_CHECK_EQUAL(order(bench, "ann"), 123);
}

CAF_TEST(a_released_record_is_not_dead_lettered_before_its_tries_are_used_up) {
  const auto troubles = std::make_shared<Troubles>();
  troubles->with = {{1, poison}, {2, down}};
  Bench bench{service<Basket>("basket")
                  .on(exactly_once, adding(troubles))
                  .on(at_least_once, [troubles](Turn<Basket>&, const Added& a) { troubles->meet(a.n); })
                  .on_failure<Poison>(parks)
                  .on_failure<Down>({.retry = {.times = 2}})};
  for (const int n : {1, 2, 3}) bench.tell(Added{n}, "ann");
  troubles->with.erase(1);
  for (int release = 0; release < 2; ++release) {
    bench.release("ann");
    CAF_CHECK_EQUAL(bench.parked("ann"), 2u);
    CAF_CHECK(bench.dead_letters().empty());
    CAF_CHECK_EQUAL(order(bench, "ann"), 1);
  }
  bench.release("ann");  // its third try is the last one
  CAF_CHECK_EQUAL(bench.parked("ann"), 0u);
  CAF_CHECK_EQUAL(bench.dead_letters().size(), 2u);  // one for each handler
  for (const auto& letter : bench.dead_letters()) CAF_CHECK_EQUAL(letter.headers.at("eventy-attempts"), "3");
  CAF_CHECK_EQUAL(order(bench, "ann"), 13);
}

CAF_TEST(only_the_handlers_that_failed_run_again_after_a_release) {
  const auto troubles = std::make_shared<Troubles>();
  const auto others = std::make_shared<std::int64_t>(0);
  const auto late = std::make_shared<std::int64_t>(0);
  troubles->with[1] = poison;
  Bench bench{Service(service<Basket>("basket")
                          .on(at_least_once, [others](Turn<Basket>&, const Added&) { ++*others; })
                          .on(exactly_once, adding(troubles))
                          .on(at_most_once, [late](StatelessTurn&, const Added&) { ++*late; })
                          .on_failure(parks))};
  bench.tell(Added{1}, "ann");
  CAF_CHECK_EQUAL(*others, 2);  // run once more when the record was undone
  CAF_CHECK_EQUAL(*late, 1);
  bench.tell(Added{2}, "ann");  // behind it, for all handlers
  CAF_CHECK_EQUAL(*others, 2);
  CAF_CHECK_EQUAL(*late, 1);
  troubles->with.clear();
  bench.release("ann");
  CAF_CHECK_EQUAL(order(bench, "ann"), 12);
  CAF_CHECK_EQUAL(*others, 3);
  CAF_CHECK_EQUAL(*late, 2);
}

CAF_TEST(outputs_of_a_released_record_have_the_uuids_that_they_would_have_had) {
  std::vector<std::string> uuids;
  for (const bool parked : {false, true}) {
    const auto troubles = std::make_shared<Troubles>();
    if (parked) troubles->with[1] = poison;
    Bench bench{basket(troubles, parks)};
    bench.tell(Added{1}, "ann",
               {.uuid = "0a8d4d3e-2f3a-4c5b-8d6e-7f8091a2b3c4", .correlation_id = "shop:Added:1"});
    troubles->with.clear();
    bench.release("ann");
    CAF_REQUIRE_EQUAL(bench.sent_records().size(), 1u);
    uuids.push_back(bench.sent_records()[0].record.uuid());
    CAF_CHECK_EQUAL(bench.sent_records()[0].record.correlation_id(), "shop:Added:1");
  }
  CAF_CHECK_EQUAL(uuids[0], uuids[1]);
}

CAF_TEST(a_record_without_a_key_cannot_be_parked_and_is_dead_lettered) {
  Bench bench{Service(
      service<>("basket").on<Added>(exactly_once, [](auto&, const Added&) { poison(); }).on_failure(parks))};
  bench.tell(Added{1}, std::nullopt);
  CAF_CHECK_EQUAL(bench.dead_letters().size(), 1u);
  bench.tell(Added{1}, "ann");
  CAF_CHECK_EQUAL(bench.dead_letters().size(), 1u);
  CAF_CHECK_EQUAL(bench.parked("ann"), 1u);
}

CAF_TEST(a_partition_pauses_while_a_dependency_is_down_and_nothing_is_dead_lettered) {
  const auto troubles = std::make_shared<Troubles>();
  troubles->with[2] = down;
  Bench bench{basket(troubles, {.retry = {.times = 1, .first = 10ms},
                                .then = FinalAction::pause_partition,
                                .probe = {.interval = 500ms}})};
  for (const std::int64_t n : {1, 2, 3}) bench.tell(Added{n}, "ann");
  bench.tell(Added{7}, "bob");  // of the same partition
  bench.advance(20ms);
  CAF_CHECK_EQUAL(troubles->turns, 3);
  CAF_CHECK_EQUAL(bench.stats().pauses, 1u);
  for (int i = 0; i < 10; ++i) bench.advance(500ms);
  CAF_CHECK_EQUAL(troubles->turns, 13);
  CAF_CHECK_EQUAL(bench.stats().pauses, 1u);
  CAF_CHECK_EQUAL(order(bench, "ann"), 1);
  CAF_CHECK_EQUAL(order(bench, "bob"), 0);
  troubles->with.clear();
  bench.advance(499ms);
  CAF_CHECK_EQUAL(order(bench, "ann"), 1);
  bench.advance(1ms);
  CAF_CHECK_EQUAL(order(bench, "ann"), 123);
  CAF_CHECK_EQUAL(order(bench, "bob"), 7);
  CAF_CHECK_EQUAL(bench.dead_letters().size(), 0u);
}

CAF_TEST(a_probe_of_ones_own_spares_the_record_until_the_dependency_is_back) {
  const auto troubles = std::make_shared<Troubles>();
  const auto is_up = std::make_shared<bool>(false);
  troubles->with[1] = [is_up] {
    if (!*is_up) down();
  };
  Bench bench{basket(troubles, {.then = FinalAction::pause_partition,
                                .probe = {.interval = 100ms, .check = [is_up] { return *is_up; }}})};
  bench.tell(Added{1}, "ann");
  for (int i = 0; i < 5; ++i) bench.advance(100ms);
  CAF_CHECK_EQUAL(troubles->turns, 1);
  *is_up = true;
  bench.advance(100ms);
  CAF_CHECK_EQUAL(troubles->turns, 2);
  CAF_CHECK_EQUAL(order(bench, "ann"), 1);
}

CAF_TEST(a_policy_that_says_stop_ends_the_partition_with_handler_place_and_reason) {
  const auto troubles = std::make_shared<Troubles>();
  troubles->with[2] = poison;
  Bench bench{basket(troubles, {.retry = {.times = 1, .first = 10ms}, .then = FinalAction::stop})};
  bench.tell(Added{1}, "ann");
  bench.tell(Added{2}, "ann");
  std::string text;
  try {
    bench.advance(20ms);
  } catch (const Failure& e) {
    CAF_CHECK(e.error().code == ErrorCode::stopped);
    CAF_CHECK(is_permanent(e.error().code));
    text = e.what();
  }
  CAF_CHECK_EQUAL(text, "service basket: Added failed on shop-events/0@1, and its policy says stop: poison");
}

CAF_TEST(the_class_of_the_error_decides_first_for_the_handler_then_for_the_service) {
  const auto of = [](std::exception_ptr error) {
    const auto fails = [error](auto&, const auto&) { std::rethrow_exception(error); };
    return std::make_unique<Bench>(
        Service(service<Basket>("basket")
                    .on<Added>(exactly_once, fails, FailurePolicies().of<Poison>(parks))
                    .on<Removed>(exactly_once, fails)
                    .on_failure<Down>({.then = FinalAction::pause_partition})
                    .on_failure({.retry = {.times = 1, .first = 10ms}})));
  };
  auto poisoned = of(std::make_exception_ptr(Poison("x")));
  poisoned->tell(Added{1}, "ann");
  CAF_CHECK_EQUAL(poisoned->parked("ann"), 1u);
  poisoned->tell(Removed{1}, "bob");
  CAF_CHECK_EQUAL(poisoned->stats().retries, 1u);
  poisoned->advance(20ms);
  CAF_CHECK_EQUAL(poisoned->dead_letters().size(), 1u);
  auto without_dependency = of(std::make_exception_ptr(Down("x")));
  without_dependency->tell(Added{1}, "ann");
  CAF_CHECK_EQUAL(without_dependency->stats().pauses, 1u);
}

CAF_TEST(bytes_that_do_not_decode_are_parked_only_where_a_policy_names_them) {
  for (const bool named : {false, true}) {
    auto builder =
        service<Basket>("basket").on(exactly_once, adding(std::make_shared<Troubles>())).on_failure(parks);
    if (named) builder = std::move(builder).on_failure<DecodeError>(parks);
    Bench bench{Service(std::move(builder))};
    bench.tell(Added{1}, "ann", {.version = "2.0.0"});
    CAF_CHECK_EQUAL(bench.parked("ann"), named ? 1u : 0u);
    CAF_CHECK_EQUAL(bench.dead_letters().size(), named ? 0u : 1u);
  }
}
