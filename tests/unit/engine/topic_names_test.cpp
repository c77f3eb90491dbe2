// Topics that are named by service and role: which services a topic belongs to, and services whose records
// lie in topics of other names, several services' in one.
#define CAF_SUITE engine_topic_names

#include <caf/test/unit_test.hpp>

#include "../../support/local_node.hpp"
#include "../../support/topic_log.hpp"
#include "eventy/json/json.hpp"
#include "eventy/msgpack/msgpack.hpp"
#include "eventy/service.hpp"
#include "eventy/store/memory_store.hpp"
#include "eventy/testing/plain_format.hpp"
#include "eventy/testing/virtual_clock.hpp"

namespace {

using namespace eventy;
using Names = std::map<std::string, std::string>;
using Owners = std::set<std::string>;

struct Placed {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:orders", "Placed", "1.0.0">;
};
struct Shipped {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:depot", "Shipped", "1.0.0">;
};
struct Price {
  std::int64_t cents = 0;
  EVENTY_FIELDS(cents);
  using record = Response<"urn:catalog", "Price", "1.0.0">;
};
struct GetPrice {
  EVENTY_FIELDS();
  using record = Request<"urn:catalog", "GetPrice", "1.0.0", Price>;
};
struct Counted {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:counter", "Counted", "1.0.0">;
};
struct Sum {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
};

Service counter() {
  return service<Sum>("counter")
      .on([](Turn<Sum>& turn, const Placed& p) {
        turn.edit().n += p.n;
        turn.request(GetPrice{});
      })
      .on([](Turn<Sum>& turn, const Shipped& s) { turn.edit().n += 100 * s.n; })
      .on([](Turn<Sum>& turn, const Reply<Price>& p) {
        turn.edit().n += p.value().cents;
        turn.emit(Counted{turn.edit().n});
      });
}
Service catalog() {
  return service<>("catalog").on(
      [](RequestTurn<NoState, GetPrice>& turn, const GetPrice&) { turn.respond(Price{10'000}); });
}

RuntimeOptions options(Names names = {}) {
  return {.serializer = testing::plain_serializer(),
          .state_format = testing::plain_state_format(),
          .topic_names = std::move(names)};
}

std::string mistake(const Service& service, const RuntimeOptions& options) {
  try {
    ServiceRuntime(service, options);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "none";
}

NewRecord event(const std::string& ns, const std::string& name, std::int64_t n) {
  Record record(Kind::event, ns, name, ns);
  record.set_partition_key("ann");
  record.data = {{"n", Value{n}}};
  return {.key = "ann", .value = encode(record, *testing::plain_serializer()->make_encoder())};
}

}  // namespace

CAF_TEST(a_topic_is_named_after_service_and_role_unless_it_has_another_name) {
  auto o = options({{"orders-events", "legacy.orders.v2"}});
  o.service_of_namespace["urn:shop"] = "orders";
  CAF_CHECK_EQUAL(topic_of(o, "orders", TopicRole::events), "legacy.orders.v2");
  CAF_CHECK_EQUAL(topic_of(o, "orders", TopicRole::dead_letters), "orders-dead-letters");
  CAF_CHECK_EQUAL(topic_of(o, Kind::event, "urn:orders"), "legacy.orders.v2");
  CAF_CHECK_EQUAL(topic_of(o, Kind::event, "urn:shop"), "legacy.orders.v2");
  CAF_CHECK_EQUAL(topic_of(o, Kind::request, "urn:shop"), "orders-requests");
  CAF_CHECK_EQUAL(topic_of(o, Kind::response, "urn:other"), "other-responses");
}

CAF_TEST(a_topic_belongs_to_each_service_that_it_is_named_for) {
  const auto o = options({{"orders-events", "legacy"}, {"depot-events", "legacy"}});
  CAF_CHECK(owners_of_topic(o, "legacy") == (Owners{"depot", "orders"}));
  CAF_CHECK(owners_of_topic(o, "orders-events") == Owners{});  // nobody's any more
  CAF_CHECK(owners_of_topic(o, "orders-dead-letters") == Owners{"orders"});
  CAF_CHECK(owners_of_topic(o, "clicks") == Owners{});
  CAF_CHECK(owners_of_topic(o, "-events") == Owners{});
}

CAF_TEST(a_topic_has_the_serializer_of_the_service_that_it_is_named_for) {
  auto o = options({{"orders-events", "legacy"}, {"depot-events", "legacy"}});
  o.serializers["orders"] = json::serializer();
  try {
    serializer_of(o, "legacy");
    CAF_FAIL("serializers that differ were taken");
  } catch (const std::invalid_argument& e) {
    CAF_MESSAGE(e.what());
    CAF_CHECK(std::string(e.what()).find("\"legacy\"") != std::string::npos);
  }
  o.serializers["depot"] = o.serializers["orders"];
  CAF_CHECK_EQUAL(serializer_of(o, "legacy")->name(), "json");
  o.serializers["legacy"] = msgpack::serializer();
  CAF_CHECK_EQUAL(serializer_of(o, "legacy")->name(), "msgpack");
}

CAF_TEST(each_role_of_a_service_needs_a_topic_of_its_own) {
  const auto said = mistake(counter(), options({{"counter-returns", "counter-events"}}));
  CAF_MESSAGE(said);
  CAF_CHECK(said.find("\"counter-events\" has two of its roles") != std::string::npos);
  CAF_CHECK_EQUAL(mistake(counter(), options({{"counter-returns", "back"}})), "none");
}

// Responses may lie in other counts of partitions than events do; in one topic both are read together.
CAF_TEST(a_topic_of_events_and_responses_is_read_together_with_the_others) {
  const ServiceRuntime runtime(counter(), options({{"catalog-responses", "all"}, {"depot-events", "all"}}));
  const auto session = runtime.session_options("node");
  const auto all = *runtime.topic_named("all");
  CAF_CHECK(std::count(session.inputs.begin(), session.inputs.end(), all) == 1);
  CAF_CHECK(session.independent_inputs.empty());
  const Service responses_first =
      service<Sum>("counter").on([](Turn<Sum>&, const Reply<Price>&) {}).on([](Turn<Sum>&, const Shipped&) {
      });
  const ServiceRuntime other(responses_first,
                             options({{"catalog-responses", "all"}, {"depot-events", "all"}}));
  CAF_CHECK(other.session_options("node").independent_inputs.empty());
}

CAF_TEST(services_work_on_topics_of_other_names_and_on_several_services_events_in_one) {
  const auto o = options({{"orders-events", "legacy"},
                          {"depot-events", "legacy"},
                          {"counter-events", "legacy"},
                          {"catalog-requests", "prices.in"},
                          {"catalog-responses", "prices.out"},
                          {"counter-returns", "counter.back"}});
  testing::VirtualClock clock;
  MemoryStore store;
  testing::LocalService asks(store, counter(), o, BridgeOptions{}, clock, 2);
  testing::LocalService answers(store, catalog(), o, BridgeOptions{}, clock, 2);
  store
      .append("legacy", {event("urn:orders", "Placed", 1), event("urn:depot", "Shipped", 2),
                         event("urn:unknown", "Placed", 7), event("urn:depot", "Placed", 7)})
      .value();
  for (int i = 0; i < 40; ++i) asks.round(), answers.round(), clock.advance(Duration(30));

  std::int64_t sum = 0;
  for_each_state<Sum>(store, *o.state_format, "counter", [&](PartitionId, std::string_view, const Sum& s) {
    sum += s.n;
  }).value();
  CAF_CHECK_EQUAL(sum, 10'201);
  std::size_t counted = 0, requests = 0;
  for (std::uint32_t p = 0; p < 2; ++p) {
    for (const auto& line : support::log_of(store, "legacy", p))
      counted += decode(line.value, *o.serializer->make_decoder()).name() == "Counted" ? 1u : 0u;
    requests += support::log_of(store, "prices.in", p).size();
    CAF_CHECK(support::log_of(store, "counter-dead-letters", p).empty());
  }
  CAF_CHECK_EQUAL(counted, 1u);
  CAF_CHECK_EQUAL(requests, 1u);
  for (const auto& topic : store.topics().value())
    CAF_CHECK(topic.name != "orders-events" && topic.name != "catalog-requests");
}
