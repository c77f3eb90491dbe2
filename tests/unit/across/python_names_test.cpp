// Each name on the right of "Moving from Eventy for Python" in examples/README.md, as it is used.
// python_names_test.py checks that none is missing here.
#define CAF_SUITE python_names
#include <caf/test/unit_test.hpp>

#include "eventy/core/record_serializer.hpp"
#include "eventy/json/json.hpp"
#include "eventy/kafka/kafka_store.hpp"
#include "eventy/node.hpp"
#include "eventy/run.hpp"
#include "eventy/store/memory_store.hpp"
#include "eventy/testing/bench.hpp"
#include "eventy/testing/plain_format.hpp"
#include "eventy/trace.hpp"

namespace {

using namespace std::chrono_literals;

struct Ordered {
  std::int64_t cents = 0;
  EVENTY_FIELDS(cents);
  using record = eventy::Event<"urn:orders", "Ordered", "1.0.0">;
};
struct Shipped {
  EVENTY_FIELDS();
  using record = eventy::Event<"urn:orders", "Shipped", "1.0.0">;
};
struct Total {
  std::int64_t cents = 0;
  EVENTY_FIELDS(cents);
  using record = eventy::Response<"urn:orders", "Total", "1.0.0">;
};
struct GetTotal {
  EVENTY_FIELDS();
  using record = eventy::Request<"urn:orders", "GetTotal", "1.0.0", Total>;
};
struct Price {
  EVENTY_FIELDS();
  using record = eventy::Response<"urn:prices", "Price", "1.0.0">;
};
struct GetPrice {
  EVENTY_FIELDS();
  using record = eventy::Request<"urn:prices", "GetPrice", "1.0.0", Price>;
};
struct State {
  std::int64_t cents = 0;
  EVENTY_FIELDS(cents);
};

// clang-format off
eventy::Service orders() {
  return eventy::service<State>("orders")
      .in_namespace("urn:orders")
      .on([](eventy::Turn<State>& turn, const Ordered& event) { turn.edit().cents += event.cents; turn.emit(Shipped{}); turn.request(GetPrice{}); })
      .on([](eventy::RequestTurn<State, GetTotal>& turn, const GetTotal& request) { (void)request; if (turn.state()) return turn.respond(Total{}); turn.refuse(404, "none"); })
      .on([](eventy::Turn<State>& turn, const eventy::Reply<Price>& reply) { (void)reply; (void)turn.context(); (void)turn.meta().correlation_id; (void)turn.meta().uuid; (void)turn.meta().date; })
      .on(eventy::at_least_once, [](eventy::Turn<State>& turn, const Shipped& event) { (void)turn, (void)event; });
}

[[maybe_unused]] int program(int argc, char** argv) { return eventy::run(argc, argv, {orders()}); }

[[maybe_unused]] void a_node() {
  eventy::Node job({.services = {orders()}, .drains_when_idle = true});
  eventy::Node node({.services = {orders()}});
  node.start().value();
  eventy::Client client = node.client("web");
  (void)client.emit(Ordered{}, {.key = "ann"}).get(2s);
  node.drain();
  node.wait();
  node.stop({.within = 10s});
}

[[maybe_unused]] void stores() {
  eventy::MemoryStore store;
  const eventy::RecordStore& any = store;
  (void)any;
  (void)eventy::kafka::open({.bootstrap = "localhost:9092"});
  eventy::testing::Bench bench{orders()};
}
// clang-format on

template <class E, class F>
bool throws(F f) {
  try {
    f();
  } catch (const E&) {
    return true;
  }
  return false;
}

static_assert(!std::is_same_v<decltype(eventy::exactly_once), decltype(eventy::at_most_once)>);

}  // namespace

CAF_TEST(the_names_of_the_table_do_what_it_says) {
  eventy::RuntimeOptions options{.serializer = eventy::json::serializer()};
  CAF_CHECK_EQUAL(eventy::topic_of(options, eventy::Kind::event, "urn:orders"), "orders-events");
  eventy::Record record(eventy::Kind::event, "urn:orders", "Ordered", "urn:orders");
  CAF_CHECK_EQUAL(record.name(), "Ordered");
  const std::shared_ptr<const eventy::Serializer> plain = eventy::testing::plain_serializer();
  CAF_CHECK(plain && !std::is_abstract_v<eventy::DecodeError> &&
            std::is_abstract_v<eventy::RecordSerializer>);
  {
    eventy::Trace trace({.correlation_id = "web:Order:1", .user_id = "ann"});
    CAF_CHECK(eventy::Trace::current().correlation_id == "web:Order:1");
    CAF_CHECK(eventy::Trace::current().request_id.empty());
    CAF_CHECK(eventy::Trace::current().user_id == "ann");
  }
  CAF_CHECK(eventy::make_correlation_id("orders", "Ordered").starts_with("orders:Ordered:"));
  const eventy::Result<void> result = eventy::Error{eventy::ErrorCode::io, "it failed"};
  CAF_CHECK(throws<eventy::Failure>([&] { result.value(); }));
  CAF_CHECK(throws<std::invalid_argument>([&] { record.set_uuid("none"); }));
}
