// Partition counts: what exists is taken as it is, what is created fits what it is read together with.
#define CAF_SUITE engine_topic_counts

#include <caf/test/unit_test.hpp>

#include "eventy/engine/topic_counts.hpp"
#include "eventy/service.hpp"
#include "eventy/testing/plain_format.hpp"

namespace {

using namespace eventy;
using Topics = std::map<std::string, std::uint32_t>;

struct Clicked {
  EVENTY_FIELDS();
  using record = Event<"urn:web", "Clicked", "1.0.0">;
};
struct Counted {
  EVENTY_FIELDS();
  using record = Event<"urn:counter", "Counted", "1.0.0">;
};
struct Price {
  EVENTY_FIELDS();
  using record = Response<"urn:catalog", "Price", "1.0.0">;
};
struct GetPrice {
  EVENTY_FIELDS();
  using record = Request<"urn:catalog", "GetPrice", "1.0.0", Price>;
};
struct Sum {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
};

Service counter() {
  return service<Sum>("counter")
      .on([](Turn<Sum>& turn, const Clicked&) { turn.request(GetPrice{}); })
      .on([](Turn<Sum>&, const Reply<Price>&) {});
}
Service audit() {  // no state: each topic is read alone
  return service<>("audit").on([](StatelessTurn&, const Clicked&) {}).on([](StatelessTurn&, const Counted&) {
  });
}
Service totals() {
  return service<Sum>("totals").on([](Turn<Sum>&, const Counted&) {});
}

Result<std::vector<TopicSpec>> fitted(const std::vector<Service>& services, const Topics& existing) {
  std::vector<std::shared_ptr<const ServiceRuntime>> runtimes;
  for (const auto& service : services)
    runtimes.push_back(std::make_shared<const ServiceRuntime>(
        service, RuntimeOptions{.serializer = testing::plain_serializer(),
                                .state_format = testing::plain_state_format()}));
  std::vector<TopicSpec> specs;
  for (const auto& [name, count] : existing) specs.push_back({name, count});
  return topics_of(runtimes, specs, 8);
}

Topics counts(const std::vector<Service>& services, const Topics& existing = {}) {
  Topics found;
  for (const auto& spec : fitted(services, existing).value()) found[spec.name] = spec.partitions;
  return found;
}

}  // namespace

CAF_TEST(new_topics_have_the_configured_count) {
  const auto all = counts({counter()});
  CAF_CHECK_EQUAL(all.size(), 8u);
  for (const auto& [name, count] : all) CAF_CHECK_EQUAL(count, 8u);
}

CAF_TEST(the_own_topics_of_a_service_get_the_count_of_what_it_reads_with_them) {
  const auto all = counts({counter()}, {{"web-events", 3}});
  for (const char* own : {"requests", "events", "responses", "dead-letters", "returns"})
    CAF_CHECK_EQUAL(all.at(std::string("counter-") + own), 3u);
  CAF_CHECK_EQUAL(all.at("catalog-requests"), 8u);
  CAF_CHECK_EQUAL(all.at("catalog-responses"), 8u);
}

CAF_TEST(topics_that_are_only_written_to_or_hold_responses_may_have_any_count) {
  const Topics there{{"catalog-requests", 5}, {"catalog-responses", 2}, {"counter-events", 1}};
  const auto all = counts({counter()}, there);
  for (const auto& [name, count] : there) CAF_CHECK_EQUAL(all.at(name), count);
  CAF_CHECK_EQUAL(all.at("web-events"), 8u);
}

CAF_TEST(topics_that_are_read_together_need_one_count) {
  const auto refused = fitted({counter()}, {{"web-events", 3}, {"counter-requests", 5}});
  CAF_REQUIRE(!refused);
  CAF_CHECK(refused.error().code == ErrorCode::invalid_argument);
  CAF_MESSAGE(refused.error().message);
  for (const char* part :
       {"\"counter\"", "\"web-events\" has 3 partitions", "\"counter-requests\" has 5 partitions"})
    CAF_CHECK(refused.error().message.find(part) != std::string::npos);
  CAF_CHECK(refused.error().message.find("auto.create") == std::string::npos);
}

CAF_TEST(a_topic_that_the_brokers_created_is_named_with_what_made_it_so) {
  const auto refused = fitted({counter()}, {{"web-events", 3}, {"counter-requests", 1}});
  CAF_REQUIRE(!refused);
  CAF_MESSAGE(refused.error().message);
  CAF_CHECK(refused.error().message.find("\"counter-requests\" has the count that brokers give") !=
            std::string::npos);
  CAF_CHECK(refused.error().message.find("auto.create.topics.enable") != std::string::npos);
}

CAF_TEST(a_service_without_state_reads_topics_of_any_counts) {
  const auto all = counts({audit()}, {{"web-events", 3}, {"counter-events", 12}});
  CAF_CHECK_EQUAL(all.at("web-events"), 3u);
  CAF_CHECK_EQUAL(all.at("counter-events"), 12u);
  CAF_CHECK_EQUAL(all.at("audit-requests"), 12u);  // a request can reach each partition
}

// counter writes what totals reads, and gets its count from what it reads itself.
CAF_TEST(services_of_a_node_agree) {
  const auto all = counts({totals(), counter()}, {{"web-events", 3}});
  CAF_CHECK_EQUAL(all.at("counter-events"), 3u);
  const auto tied = counts({totals(), counter()}, {{"totals-requests", 6}});
  CAF_CHECK_EQUAL(tied.at("counter-events"), 6u);
  CAF_CHECK_EQUAL(tied.at("counter-requests"), 8u);
}
