// Topics with serializers of their own.
#define CAF_SUITE engine_serializers

#include <caf/test/unit_test.hpp>

#include "../../support/local_node.hpp"
#include "../../support/topic_log.hpp"
#include "eventy/core/record_serializer.hpp"
#include "eventy/engine/parking.hpp"
#include "eventy/json/json.hpp"
#include "eventy/msgpack/msgpack.hpp"
#include "eventy/service.hpp"
#include "eventy/store/memory_store.hpp"
#include "eventy/testing/plain_format.hpp"
#include "eventy/testing/virtual_clock.hpp"

namespace {

using namespace eventy;
using eventy::testing::LocalService;
using Named = std::map<std::string, std::shared_ptr<const Serializer>>;

struct Clicked {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:web", "Clicked", "1.0.0">;
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
struct Stock {
  EVENTY_FIELDS();
  using record = Response<"urn:depot", "Stock", "1.0.0">;
};
struct Counted {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:counter", "Counted", "1.0.0">;
};
struct Tally {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
};

Service counter() {
  return service<Tally>("counter")
      .on([](Turn<Tally>& turn, const Clicked& c) {
        turn.edit().n += c.n;
        turn.emit(Counted{turn.edit().n});
        turn.request(GetPrice{});
      })
      .on([](Turn<Tally>& turn, const Reply<Price>& p) {
        turn.edit().n += p.value().cents;
        turn.emit(Counted{turn.edit().n});
      })
      .on([](Turn<Tally>&, const Reply<Stock>&) {});
}
Service catalog() {
  return service<>("catalog").on(
      [](RequestTurn<NoState, GetPrice>& turn, const GetPrice&) { turn.respond(Price{100}); });
}

RuntimeOptions options(Named named) {
  RuntimeOptions o{.serializer = json::serializer(), .state_format = msgpack::state_format()};
  o.serializers = std::move(named);
  return o;
}

std::string mistake(const Service& service, Named named) {
  try {
    ServiceRuntime(service, options(std::move(named)));
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

class WithoutSchemas final : public RecordSerializer {
 public:
  std::string_view name() const override { return "schemas"; }
  void encode(const Record& record, std::string&) const override {
    throw std::invalid_argument("no schema for " + record.name());
  }
  Record decode(std::string_view) const override { throw DecodeError("no schema"); }
};

struct World {
  testing::VirtualClock clock;
  MemoryStore store;

  void click(const Serializer& format, const std::string& key, PartitionId partition = {0}) {
    Record record(Kind::event, "urn:web", "Clicked", "urn:web");
    record.data = {{"n", Value{std::int64_t{1}}}};
    record.set_partition_key(key);
    store
        .append("web-events",
                {{.key = key, .value = encode(record, *format.make_encoder()), .partition = partition}})
        .value();
  }
  void settle(LocalService& node) {
    for (int i = 0; i < 12; ++i) node.round(), clock.advance(Duration(30));
  }
  std::int64_t state(const std::string& key) {
    std::int64_t n = 0;
    for_each_state<Tally>(store, *msgpack::state_format(), "counter",
                          [&](PartitionId, std::string_view k, const Tally& t) { n += k == key ? t.n : 0; })
        .value();
    return n;
  }
  // The first bytes of a topic's records.
  std::string begins(const std::string& topic, std::uint32_t partitions = 2) {
    std::string out;
    for (std::uint32_t p = 0; p < partitions; ++p)
      for (const auto& line : support::log_of(store, topic, p)) out += line.value[0];
    return out;
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(engine_serializers_tests, World)

CAF_TEST(each_topic_is_written_and_read_in_its_own_format) {
  const auto json = json::serializer(), msgpack = msgpack::serializer();
  // By topic, by the service that owns the topic, and what is in neither.
  const Named named{{"counter-events", msgpack}, {"catalog", msgpack}, {"catalog-requests", json}};
  store.ensure_topics({{"web-events", 2}}).value();
  LocalService asking(store, counter(), options(named), BridgeOptions{}, clock, 2);
  LocalService answering(store, catalog(), options(named), BridgeOptions{}, clock, 2);
  for (const std::string key : {"a", "b", "c", "d"}) click(*json, key, partition_of(key, 2));
  for (int i = 0; i < 20; ++i) asking.round(), answering.round(), clock.advance(Duration(200));
  CAF_CHECK_EQUAL(begins("catalog-requests"), "{{{{");
  CAF_CHECK(begins("catalog-responses").find('{') == std::string::npos);
  CAF_CHECK_EQUAL(begins("catalog-responses").size(), 4u);
  CAF_CHECK(begins("counter-events").find('{') == std::string::npos);
  CAF_CHECK_EQUAL(begins("counter-events").size(), 8u);  // one for each click, one for each price
  CAF_CHECK_EQUAL(begins("counter-dead-letters"), "");
}

CAF_TEST(a_parked_record_and_the_request_to_release_it_are_in_the_formats_of_their_topics) {
  const auto is_mended = std::make_shared<bool>(false);
  const Service parking = service<Tally>("counter")
                              .on([is_mended](Turn<Tally>& turn, const Clicked& c) {
                                if (!*is_mended) throw std::runtime_error("not now");
                                turn.edit().n += c.n;
                              })
                              .on_failure({.then = FinalAction::park_key});
  const Named named{{"web-events", msgpack::serializer()}, {"counter-events", testing::plain_serializer()}};
  store.ensure_topics({{"web-events", 1}}).value();
  LocalService node(store, parking, options(named), BridgeOptions{}, clock, 1);
  click(*msgpack::serializer(), "ann");
  settle(node);
  const auto parked = parked_keys(store, *msgpack::state_format(), "counter").value();
  CAF_REQUIRE_EQUAL(parked.size(), 1u);
  *is_mended = true;
  release_key(store, ServiceRuntime(parking, options(named)), parked[0]).value();
  settle(node);
  CAF_CHECK_EQUAL(begins("counter-requests", 1), "{");
  CAF_CHECK_EQUAL(begins("counter-dead-letters", 1), "");
  CAF_CHECK_EQUAL(state("ann"), 1);
}

CAF_TEST(a_record_that_was_parked_in_a_topic_that_is_read_no_more_is_a_dead_letter_with_its_bytes) {
  const auto failing = [](Turn<Tally>&, const Clicked&) { throw std::runtime_error("not now"); };
  const Service parking = service<Tally>("counter").on(failing).on_failure({.then = FinalAction::park_key});
  const Named named{{"web-events", msgpack::serializer()}};
  store.ensure_topics({{"web-events", 1}}).value();
  auto node = std::make_unique<LocalService>(store, parking, options(named), BridgeOptions{}, clock, 1);
  click(*msgpack::serializer(), "ann");
  settle(*node);
  node.reset();
  const Service without = service<Tally>("counter").on([](Turn<Tally>&, const Reply<Stock>&) {});
  LocalService later(store, without, options({}), BridgeOptions{}, clock, 1);
  for (const auto& key : parked_keys(store, *msgpack::state_format(), "counter").value())
    release_key(store, ServiceRuntime(without, options({})), key).value();
  settle(later);
  const auto letters = support::log_of(store, "counter-dead-letters");
  CAF_REQUIRE_EQUAL(letters.size(), 1u);
  const Record letter = decode(letters[0].value, *msgpack::serializer()->make_decoder());
  CAF_CHECK_EQUAL(letter.name(), "Clicked");
  const std::map<std::string, std::string> headers(letters[0].headers.begin(), letters[0].headers.end());
  CAF_CHECK_EQUAL(headers.at("eventy-error-class"), "NoHandler");
  CAF_CHECK_EQUAL(headers.at("eventy-topic"), "web-events");
}

CAF_TEST(a_release_that_the_format_of_the_request_topic_cannot_say_is_an_error) {
  const ServiceRuntime runtime(counter(),
                               options({{"counter-requests", std::make_shared<const WithoutSchemas>()}}));
  const auto released = release_key(store, runtime, {.key = "ann"});
  CAF_REQUIRE(!released.ok());
  CAF_CHECK(released.error().code == ErrorCode::unsupported);
  CAF_CHECK_EQUAL(released.error().message,
                  "the request to release a key of service counter: data: no schema for eventy.release");
}

CAF_TEST(returns_are_read_by_all_formats_of_responses) {
  // With one key the requester's partition is elsewhere, so the response goes through the returns topic.
  const ServiceRuntime runtime(counter(), options({{"depot", msgpack::serializer()}}));
  CAF_CHECK_EQUAL(runtime.serializer(*runtime.returns()).name(), "json, msgpack");
  const ServiceRuntime same(counter(), options({}));
  CAF_CHECK_EQUAL(same.serializer(*same.returns()).name(), "json");
}

CAF_TEST(formats_of_responses_that_cannot_be_told_apart_are_an_error_that_names_the_topic) {
  const auto clash = testing::plain_serializer();  // says nothing of its first bytes
  CAF_CHECK(mistake(counter(), {{"depot-responses", clash}})
                .find("topic counter-returns holds responses of several") != std::string::npos);
  CAF_CHECK_EQUAL(mistake(counter(), {{"depot-responses", clash}, {"counter-returns", clash}}), "");
}

CAF_TEST_FIXTURE_SCOPE_END()
