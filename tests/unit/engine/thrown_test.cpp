// What handlers and probes may throw beside what one expects: no memory, and what is no std::exception.
#define CAF_SUITE engine_thrown
#include <caf/test/unit_test.hpp>

#include <array>
#include <new>

#include "counter_fixture.hpp"
#include "eventy/engine/failure_class.hpp"

namespace eventy {
namespace {

using namespace counting;

struct Strange {};

// A state whose copy fails when told to: there is no memory for it.
bool copies_fail = false;
struct Heavy {
  std::int64_t n = 0;
  EVENTY_FIELDS_SOME(n);
  Heavy() = default;
  Heavy(const Heavy& other) : n(other.n) { fail_if_told(); }
  Heavy& operator=(const Heavy& other) {
    fail_if_told();
    n = other.n;
    return *this;
  }
  static void fail_if_told() {
    if (copies_fail) throw std::bad_alloc();
  }
};

// Counts and tells; throws after that at the second click, as often as told.
template <class State = Tally, class F>
Service counter_that(F throws) {
  return service<State>("counter")
      .on(exactly_once,
          [throws](Turn<State>& turn, const Clicked& c) {
            turn.emit(Counted{"once", ++turn.edit().n});
            if (c.n == 2) throws();
          })
      .template on_failure<std::bad_alloc>({.retry = {.times = 2, .first = Duration(10)}});
}

std::map<std::string, std::string> only_dead_letter(Fixture& f) {
  const auto letters = support::log_of(f.store, "counter-dead-letters");
  CAF_REQUIRE_EQUAL(letters.size(), 1u);
  return {letters[0].headers.begin(), letters[0].headers.end()};
}

std::vector<std::int64_t> counts(Fixture& f) {
  std::vector<std::int64_t> out;
  for (const auto& s : f.seen()) out.push_back(s.n);
  return out;
}

const std::vector<std::int64_t> first_two{1, 2}, all_three{1, 2, 3};

}  // namespace

CAF_TEST(a_handler_without_memory_is_undone_and_tried_again_by_its_policy) {
  int left = 2;
  Fixture f(counter_that([&] {
    if (left-- > 0) throw std::bad_alloc();
  }));
  for (int n = 1; n <= 3; ++n) f.click(n);
  f.settle();
  CAF_CHECK_EQUAL(left, -1);
  CAF_CHECK_EQUAL(counts(f), all_three);
  CAF_CHECK_EQUAL(f.state(), 3);
  CAF_CHECK(support::log_of(f.store, "counter-dead-letters").empty());
}

CAF_TEST(a_handler_without_memory_at_every_try_is_dead_lettered_with_that_class) {
  Fixture f(counter_that([] { throw std::bad_array_new_length(); }));
  for (int n = 1; n <= 3; ++n) f.click(n);
  f.settle();
  CAF_CHECK_EQUAL(counts(f), first_two);
  CAF_CHECK_EQUAL(f.state(), 2);
  auto letter = only_dead_letter(f);
  CAF_CHECK_EQUAL(letter["eventy-error-class"], "bad_alloc");
  CAF_CHECK_EQUAL(letter["eventy-attempts"], "3");
  CAF_CHECK_EQUAL(letter["eventy-reason"], "out of memory");
}

CAF_TEST(what_is_no_exception_is_dead_lettered_with_its_type) {
  for (const auto& [throws, type] : {std::pair<void (*)(), std::string>{[] { throw 42; }, "int"},
                                     {[] { throw Strange(); }, "eventy::(anonymous namespace)::Strange"}}) {
    Fixture f(counter_that(throws));
    for (int n = 1; n <= 3; ++n) f.click(n);
    f.settle();
    CAF_CHECK_EQUAL(counts(f), first_two);
    CAF_CHECK_EQUAL(f.state(), 2);
    auto letter = only_dead_letter(f);
    CAF_CHECK_EQUAL(letter["eventy-error-class"], type);
  }
}

CAF_TEST(a_state_that_cannot_be_copied_for_the_undo_stays_as_it_was) {
  Fixture f(counter_that<Heavy>([] { copies_fail = true; }));
  f.click(1);
  f.settle(4);
  copies_fail = true;  // at the first edit(), for what the undo would need
  f.click(3);
  f.settle();
  copies_fail = false;
  f.click(5);
  f.settle();
  const auto all = counts(f);
  const auto letters = support::log_of(f.store, "counter-dead-letters").size();
  CAF_CHECK_EQUAL(letters, 1u);
  CAF_CHECK_EQUAL(all, first_two);
  CAF_CHECK_EQUAL(f.state(), 2);
}

CAF_TEST(an_at_most_once_handler_without_memory_is_dead_lettered) {
  Fixture f(service<>("counter").on(at_most_once, [](StatelessTurn&, const Clicked& c) {
    if (c.n == 2) throw std::bad_alloc();
    if (c.n == 3) throw 42;
  }));
  for (int n = 1; n <= 3; ++n) f.click(n);
  f.settle();
  const auto letters = support::log_of(f.store, "counter-dead-letters");
  CAF_REQUIRE_EQUAL(letters.size(), 2u);
  const auto class_of = [&](std::size_t i) -> std::string {
    const std::map<std::string, std::string> headers(letters[i].headers.begin(), letters[i].headers.end());
    return headers.at("eventy-error-class");
  };
  CAF_CHECK_EQUAL(class_of(0), "bad_alloc");
  CAF_CHECK_EQUAL(class_of(1), "int");
}

CAF_TEST(a_probe_that_throws_has_found_no_reason_to_go_on) {
  bool is_down = true, probe_throws = true;
  Fixture f(service<Tally>("counter")
                .on(exactly_once,
                    [&](Turn<Tally>& turn, const Clicked&) {
                      if (is_down) throw Busy("down");
                      turn.emit(Counted{"once", ++turn.edit().n});
                    })
                .on_failure<Busy>({.then = FinalAction::pause_partition,
                                   .probe = {.interval = Duration(100), .check = [&]() -> bool {
                                               if (probe_throws) throw 42;
                                               return true;
                                             }}}));
  f.click(1);
  f.settle(20);
  is_down = false;
  f.settle(20);
  CAF_CHECK(counts(f).empty());
  probe_throws = false;
  f.settle(20);
  CAF_CHECK_EQUAL(counts(f).size(), 1u);
}

// The class of what a step throws where `service` gets its second click and its store throws `by_store`.
std::string crash_of(const Service& service, const std::exception_ptr& by_store) {
  struct Reader final : StateReader {
    std::exception_ptr thrown;
    Result<std::optional<std::string>> get(KeyspaceIndex keyspace, std::string_view) const override {
      if (thrown && keyspace == ServiceRuntime::state_keyspace) std::rethrow_exception(thrown);
      return std::optional<std::string>();
    }
  };
  Fixture f(service);
  auto reader = std::make_shared<Reader>();
  reader->thrown = by_store;
  const auto runtime = std::make_shared<const ServiceRuntime>(service, f.options());
  const auto routes = std::make_shared<const Routes>(Routes{runtime, std::vector<std::uint32_t>(8, 1)});
  PartitionEngine engine(routes, {0}, {1}, reader, f.clock);
  Record record(Kind::event, "urn:web", "Clicked", "urn:web");
  record.set_partition_key("ann");
  record.data = {{"n", Value{std::int64_t{2}}}};
  auto batch = std::make_shared<Batch>();
  batch->topic = *runtime->topic_named("web-events");
  batch->slab =
      encode(record, *testing::plain_serializer()->make_encoder()) + std::string(value_padding, '\0');
  batch->records.push_back(
      {.offset = {0},
       .key = "ann",
       .value = std::string_view(batch->slab).substr(0, batch->slab.size() - value_padding)});
  batch->next = {1};
  engine.accept(batch);
  try {
    (void)engine.step();
  } catch (...) {
    return describe(std::current_exception()).error_class;
  }
  return "no crash";
}

CAF_TEST(what_is_thrown_outside_of_a_handler_is_a_crash) {
  CAF_CHECK_EQUAL(crash_of(counter_that([] {}), std::make_exception_ptr(std::bad_alloc())), "bad_alloc");
}

CAF_TEST(a_lack_of_memory_that_no_policy_names_is_a_crash) {
  const auto hungry = [] { throw std::bad_alloc(); };
  const Service without_a_policy =
      service<Tally>("counter").on(exactly_once, [=](Turn<Tally>&, const Clicked&) { hungry(); });
  const Service for_all_else = service<Tally>("counter")
                                   .on(exactly_once, [=](Turn<Tally>&, const Clicked&) { hungry(); })
                                   .on_failure({.then = FinalAction::dead_letter});
  CAF_CHECK_EQUAL(crash_of(without_a_policy, nullptr), "bad_alloc");
  CAF_CHECK_EQUAL(crash_of(for_all_else, nullptr), "bad_alloc");
  CAF_CHECK_EQUAL(crash_of(counter_that(hungry), nullptr), "no crash");
}

}  // namespace eventy
