// What the formats of a node have in common: a key is released through each, and what has no schema is an
// error at the start.
#define CAF_SUITE node_formats

#include <caf/test/unit_test.hpp>

#include <array>
#include <filesystem>
#include <fstream>

#include "../../support/local_node.hpp"
#include "../../support/temporary_folder.hpp"
#include "adapters_for_tests.hpp"
#include "eventy/engine/parking.hpp"
#include "eventy/store/memory_store.hpp"
#include "eventy/testing/virtual_clock.hpp"

namespace eventy {
namespace {

struct Clicked {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:web", "Clicked", "1.0.0">;
};
struct Counted {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
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
struct Tally {
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
};

int call(std::initializer_list<std::string> arguments, Service service) {
  std::vector<std::string> all{"program"};
  all.insert(all.end(), arguments);
  std::vector<char*> argv;
  for (auto& argument : all) argv.push_back(argument.data());
  return run(static_cast<int>(argv.size()), argv.data(), {std::move(service)}, adapters_for_tests());
}

bool has_avro() { return builtin_adapters().serializers.contains("avro"); }

bool has_protobuf() { return builtin_adapters().serializers.contains("protobuf"); }

}  // namespace

CAF_TEST(a_parked_key_is_released_through_a_request_topic_of_each_format) {
  for (const auto& [name, make] : builtin_adapters().serializers) {
    CAF_MESSAGE(name);
    testing::VirtualClock clock;
    MemoryStore store;
    const auto is_mended = std::make_shared<bool>(false);
    const Service parking = service<Tally>("counter")
                                .on([is_mended](Turn<Tally>& turn, const Clicked& c) {
                                  if (!*is_mended) throw std::runtime_error("not now");
                                  turn.edit().n += c.n;
                                })
                                .on_failure({.then = FinalAction::park_key});
    const auto plain = testing::plain_serializer();
    const auto states = testing::plain_state_format();
    RuntimeOptions options{.serializer = plain, .state_format = states};
    options.serializers["counter-requests"] = make(FormatOptions{}).value();
    store.ensure_topics({{"web-events", 1}}).value();
    testing::LocalService node(store, parking, options, BridgeOptions{}, clock, 1);
    const auto settle = [&] {
      for (int i = 0; i < 12; ++i) node.round(), clock.advance(Duration(30));
    };
    Record click(Kind::event, "urn:web", "Clicked", "urn:web");
    click.set_partition_key("ann");
    click.data = {{"n", {std::int64_t{1}}}};
    store.append("web-events", {{.key = "ann", .value = encode(click, *plain->make_encoder())}}).value();
    settle();
    const auto parked = parked_keys(store, *states, "counter").value();
    CAF_REQUIRE_EQUAL(parked.size(), 1u);
    *is_mended = true;
    release_key(store, ServiceRuntime(parking, options), parked[0]).value();
    settle();
    CAF_CHECK(parked_keys(store, *states, "counter").value().empty());
    std::int64_t n = 0;
    for_each_state<Tally>(store, *states, "counter", [&](PartitionId, std::string_view, const Tally& t) {
      n += t.n;
    }).value();
    CAF_CHECK_EQUAL(n, 1);
  }
}

CAF_TEST(an_output_that_has_no_schema_is_a_mistake_in_the_configuration_before_anything_runs) {
  if (!has_avro()) return;
  const auto check = [](Service service, const std::string& setting) {
    return call({"check-config", "--set", setting}, std::move(service));
  };
  const auto silent = [] { return service<>("counter").on([](StatelessTurn&, const Clicked&) {}); };
  CAF_CHECK_EQUAL(check(silent(), "format.records=avro"), 0);
  CAF_CHECK_EQUAL(check(silent().emits<Counted>(), "format.records=avro"), 78);
  CAF_CHECK_EQUAL(check(silent().emits<Counted>(), "format.records=json"), 0);
  CAF_CHECK_EQUAL(check(silent().emits<Counted>(), "serializers.web=avro"), 0);
  CAF_CHECK_EQUAL(check(silent().emits<Counted>(), "serializers.counter=avro"), 78);
  const auto catalog = [] {
    return service<>("catalog").on(
        [](RequestTurn<NoState, GetPrice>& turn, const GetPrice&) { turn.respond(Price{}); });
  };
  CAF_CHECK_EQUAL(check(catalog(), "format.records=avro"), 78);
  CAF_CHECK_EQUAL(check(catalog(), "format.records=avro, json"), 78);
  CAF_CHECK_EQUAL(check(catalog(), "format.records=json, avro"), 0);
}

CAF_TEST(protobuf_carries_every_record_without_a_schema) {
  if (!has_protobuf()) return;
  Service silent = service<>("counter").on([](StatelessTurn&, const Clicked&) {}).emits<Counted>();
  CAF_CHECK_EQUAL(call({"check-config", "--set", "format.records=protobuf"}, std::move(silent)), 0);
}

CAF_TEST(a_folder_without_schemas_for_protobuf_is_a_mistake_in_the_configuration_before_anything_runs) {
  if (!has_protobuf()) return;
  const tests::TemporaryFolder folder;
  const auto check = [&](const std::string& records) {
    return call({"check-config", "--set", "format.records=" + records, "--set",
                 "format.schemas=" + folder.path().string()},
                service<>("counter").on([](StatelessTurn&, const Clicked&) {}));
  };
  std::ofstream(folder.path() / "README.md") << "no schema";
  CAF_CHECK_EQUAL(check("protobuf"), 78);
  CAF_CHECK_EQUAL(check("json, protobuf"), 78);
  CAF_CHECK_EQUAL(check("json"), 0);
  std::ofstream(folder.path() / "shop.proto") << "syntax = \"proto3\"; message Placed {}";
  CAF_CHECK_EQUAL(check("protobuf"), 0);
  std::filesystem::rename(folder.path() / "shop.proto", folder.path() / "shop.evsc.yaml");
  CAF_CHECK_EQUAL(check("protobuf"), 0);
}

}  // namespace eventy
