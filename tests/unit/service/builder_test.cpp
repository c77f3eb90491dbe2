// A builder in a variable is a service too: it is copied wherever a Service is taken.
#define CAF_SUITE builder

#include <caf/test/unit_test.hpp>

#include "../../support/throws.hpp"
#include "eventy/service.hpp"
#include "eventy/testing/bench.hpp"

namespace {

using namespace eventy;

struct Clicked {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:web", "Clicked", "1.0.0">;
};
struct Tally {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
};

auto builder(std::string name) {
  return service<Tally>(std::move(name)).on([](Turn<Tally>& turn, const Clicked& c) {
    turn.edit().n += c.n;
  });
}

}  // namespace

CAF_TEST(a_builder_in_a_variable_is_run_like_one_that_is_not) {
  const auto counter = builder("counter");
  const std::vector<Service> services{counter, builder("other"), counter};
  CAF_REQUIRE_EQUAL(services.size(), 3u);
  CAF_CHECK_EQUAL(services[0].name(), "counter");
  CAF_CHECK_EQUAL(services[1].name(), "other");
  for (const Service& service : services) CAF_CHECK_EQUAL(service.plan().handlers.size(), 1u);
}

CAF_TEST(a_builder_in_a_variable_may_be_benched_again_and_again) {
  auto counter = builder("counter");
  for (int run = 0; run < 2; ++run) {
    testing::Bench bench{counter};
    bench.tell(Clicked{3}, "ann");
    const Tally tally = bench.state<Tally>("ann").value();
    CAF_CHECK_EQUAL(tally.n, 3);
  }
}

CAF_TEST(what_is_added_to_a_builder_later_does_not_reach_a_service_made_of_it) {
  auto counter = builder("counter");
  const Service before = counter;
  const Service after = std::move(counter).in_namespace("urn:renamed");
  CAF_CHECK_EQUAL(before.plan().ns, "urn:counter");
  CAF_CHECK_EQUAL(after.plan().ns, "urn:renamed");
}

CAF_TEST(a_builder_that_was_moved_from_is_refused) {
  auto counter = builder("counter");
  const Service service = std::move(counter);
  CAF_CHECK(tests::throws<std::logic_error>([&] { static_cast<void>(static_cast<Service>(counter)); }));
}
