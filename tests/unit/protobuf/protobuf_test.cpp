// Records as messages of record.proto: agreed with what protoc makes of it, data as fields and as messages,
// and hostile bytes.
#define CAF_SUITE protobuf

#include <caf/test/unit_test.hpp>

#include <random>

#include "eventy/core/record_serializer.hpp"
#include "eventy/core/value_codec.hpp"
#include "eventy/json/json.hpp"
#include "eventy/protobuf/message.hpp"
#include "eventy/protobuf/protobuf.hpp"
#include "eventy/protobuf/record.pb.h"
#include "eventy/service.hpp"
#include "eventy/testing/bench.hpp"
#include "shop.pb.h"

template <>
struct eventy::RecordOf<shop::Placed> {
  using type = eventy::Event<"urn:shop", "Placed", "1.0.0">;
};
template <>
struct eventy::RecordOf<shop::Item> {  // as if it had become of one item only
  using type = eventy::Event<"urn:shop", "Placed", "2.0.0">;
};
template <>
struct eventy::UpgradeOf<shop::Item> {
  static shop::Item upgrade(const shop::Placed& old) { return old.items(0); }
};

namespace {

using namespace eventy;

struct Item {
  std::string sku;
  std::optional<std::uint32_t> count = {};
  EVENTY_FIELDS(sku, count);
};
struct PlacedFields {  // the same record as a struct
  std::int64_t n = 0;
  std::optional<std::string> note = {};
  std::vector<Item> items = {};
  std::map<std::string, double> prices = {};
  EVENTY_FIELDS(n, note, items, prices);
  using record = Event<"urn:shop", "Placed", "1.0.0">;
};

shop::Placed placed() {
  shop::Placed m;
  m.set_n(-7);
  m.add_items()->set_sku("a");
  m.add_items()->set_count(3);
  (*m.mutable_prices())["€"] = 1.5;
  (*m.mutable_floors())[-2] = "cellar";
  m.set_size(shop::LARGE);
  m.set_raw(std::string("\0\xff", 2));
  m.mutable_at()->set_seconds(-1);
  m.mutable_at()->set_nanos(5'000'000);
  return m;
}

Record record() {
  Record r(Kind::response, "urn:shop", "Placed", "urn:shop");
  r.set_partition_key("é").set_date(Instant(Duration(-5))).set_destination("urn:web");
  r.set_request_uuid("11111111-2222-4333-8444-555555555555").set_refusal(-409, "full");
  r.context["urn:shop"]["n"] = std::int64_t{-7};
  r.context["urn:web"]["none"] = nullptr;
  ValueMap many;  // sizes of one, two and three bytes
  for (int i = 0; i < 3000; ++i) many.emplace_back("m" + std::to_string(i), Value{std::int64_t{i}});
  r.data = {
      {"min", Value{std::int64_t{INT64_MIN}}},
      {"max", Value{std::uint64_t{UINT64_MAX}}},
      {"real", Value{-0.0}},
      {"no", Value{false}},
      {"none", Value{}},
      {"bytes", Value{std::vector<std::byte>{std::byte{0}, std::byte{0xff}}}},
      {"long", Value{std::string(200, 'x')}},
      {"list", Value{ValueList{Value{ValueMap{}}, Value{ValueList{Value{std::string(130, 'y')}}}, Value{}}}},
      {"many", Value{many}}};
  return r;
}

std::string encoded(const Record& r) { return encode(r, *protobuf::serializer()->make_encoder()); }
Record decoded(std::string_view bytes, const DecodeLimits& limits = {}) {
  return decode(bytes, *protobuf::serializer()->make_decoder(limits));
}
std::string error_of(std::string_view bytes, const DecodeLimits& limits = {}) {
  try {
    decoded(bytes, limits);
  } catch (const DecodeError& e) {
    return e.what();
  }
  return "";
}
bool has(const std::string& text, std::string_view part) {
  if (text.find(part) != text.npos) return true;
  CAF_MESSAGE("\"" << text << "\" does not hold \"" << std::string(part) << "\"");
  return false;
}
protobuf::Record plain() {
  protobuf::Record m;
  CAF_REQUIRE(m.ParseFromString(encoded(Record(Kind::event, "urn:shop", "Placed", "urn:shop"))));
  return m;
}
Service shop_of(std::function<void(const shop::Placed&)> check) {
  return service<>("desk").on([check](StatelessTurn&, const shop::Placed& m) { check(m); });
}
bool same(const shop::Placed& a, const shop::Placed& b) { return to_value(a) == to_value(b); }

}  // namespace

CAF_TEST(a_record_comes_back_as_it_was) {
  const Record r = record(), back = decoded(encoded(r));
  CAF_CHECK(back.data == r.data);
  CAF_CHECK(back.context == r.context);
  CAF_CHECK_EQUAL(*back.partition_key(), "é");
  CAF_CHECK(back.date() == r.date());
  CAF_CHECK(!back.ok());
  CAF_CHECK_EQUAL(*back.error_code(), -409);
  CAF_CHECK_EQUAL(*back.error_message(), "full");
  CAF_CHECK_EQUAL(back.destination(), "urn:web");
}

CAF_TEST(the_library_reads_what_is_written_and_writes_what_is_read) {
  const Record r = record();
  protobuf::Record m;
  CAF_REQUIRE(m.ParseFromString(encoded(r)));
  CAF_CHECK_EQUAL(m.uuid(), r.uuid());
  CAF_CHECK_EQUAL(m.date_timestamp(), -5);
  CAF_CHECK_EQUAL(m.context().services().at("urn:shop").members().at("n").integer(), -7);
  CAF_CHECK_EQUAL(m.fields().members().at("max").unsigned_integer(), UINT64_MAX);
  CAF_CHECK_EQUAL(m.fields().members().at("many").map().members().at("m2999").integer(), 2999);
  CAF_CHECK_EQUAL(m.fields().members().at("list").list().items(1).list().items(0).text().size(), 130u);
  const Record back = decoded(m.SerializeAsString());  // its maps have another order
  CAF_CHECK(back.context == r.context);
  CAF_CHECK_EQUAL(back.data.size(), r.data.size());
}

CAF_TEST(a_handler_takes_a_generated_message_in_every_format) {
  for (const auto& format :
       {protobuf::serializer(), json::serializer(), testing::BenchOptions{}.serializer}) {
    int seen = 0;
    testing::Bench bench{shop_of([&](const shop::Placed& m) { seen += same(m, placed()); }),
                         {.serializer = format}};
    bench.tell(placed(), "ann");
    CAF_CHECK_EQUAL(seen, 1);
    CAF_CHECK(bench.dead_letters().empty());
  }
}

CAF_TEST(a_turn_writes_a_message_whole_and_a_struct_reads_it_by_its_fields) {
  testing::Bench writes{
      service<>("shop").on([](StatelessTurn& turn, const PlacedFields&) { turn.emit(placed()); }),
      {.serializer = protobuf::serializer()}};
  writes.tell(PlacedFields{}, "ann");
  CAF_REQUIRE_EQUAL(writes.sent_records().size(), 1u);
  protobuf::Record m;
  CAF_REQUIRE(m.ParseFromString(writes.sent_records()[0].bytes));
  shop::Placed inner;
  CAF_REQUIRE(m.message().UnpackTo(&inner));
  CAF_CHECK(same(inner, placed()));
  const auto fields = writes.sent<PlacedFields>().at(0);
  CAF_CHECK_EQUAL(fields.n, -7);
  CAF_CHECK(!fields.note);
  CAF_CHECK_EQUAL(fields.items.at(1).count.value(), 3u);
  CAF_CHECK_EQUAL(fields.prices.at("€"), 1.5);
}

CAF_TEST(a_generated_message_of_an_older_major_version_is_upgraded) {
  for (const auto& format : {protobuf::serializer(), json::serializer()}) {
    std::vector<std::string> skus;
    testing::Bench bench{
        service<>("desk").on([&](StatelessTurn&, const shop::Item& m) { skus.push_back(m.sku()); }),
        {.serializer = format}};
    bench.tell(placed(), "ann");
    bench.tell(placed().items(0), "ann");
    bench.tell(placed(), "ann", {.version = "3.0.0"});
    CAF_CHECK(skus == (std::vector<std::string>{"a", "a"}));
    CAF_CHECK_EQUAL(bench.dead_letters().size(), 1u);
  }
}

CAF_TEST(a_message_reads_the_fields_of_a_struct) {
  int seen = 0;
  testing::Bench bench{shop_of([&](const shop::Placed& m) { seen += m.n() == 5 && m.items(0).sku() == "x"; }),
                       {.serializer = protobuf::serializer()}};
  bench.tell(PlacedFields{.n = 5, .items = {{.sku = "x"}}}, "ann");
  CAF_CHECK_EQUAL(seen, 1);
}

CAF_TEST(a_message_of_another_or_an_unknown_type_is_an_error_that_names_it) {
  auto m = plain();
  m.mutable_message()->PackFrom(shop::Item());
  testing::Bench bench{shop_of([](const shop::Placed&) {}), {.serializer = protobuf::serializer()}};
  bench.tell_bytes("shop-events", m.SerializeAsString(), "ann");
  CAF_REQUIRE_EQUAL(bench.dead_letters().size(), 1u);
  CAF_CHECK(has(bench.dead_letters()[0].headers.at("eventy-reason"), "shop.Item is not a shop.Placed"));
  m.mutable_message()->set_type_url("x/nobody.Knows");
  CAF_CHECK(has(error_of(m.SerializeAsString()), "data: the message type nobody.Knows is unknown"));
}

CAF_TEST(a_folder_of_schemas_makes_messages_known) {
  const std::string folder = EVENTY_SOURCE_DIR "/tests/unit/protobuf";
  const auto format = protobuf::serializer(folder);
  CAF_REQUIRE(format.ok());
  auto m = plain();
  m.mutable_message()->PackFrom(placed());
  const Record r = decode(m.SerializeAsString(), *format.value()->make_decoder());
  CAF_CHECK(same(from_value<shop::Placed>(Value{r.data}), placed()));
  CAF_CHECK(!protobuf::serializer(folder + "/absent").ok());
}

CAF_TEST(hostile_bytes_are_refused_with_their_reason) {
  CAF_CHECK(has(error_of(""), "there are no bytes"));
  CAF_CHECK(has(error_of("\x08"), "end too early"));
  CAF_CHECK(
      has(error_of("\x08\x01\x12\xff\xff\xff\xff\x0f"), "namespace: not Protocol Buffers: the bytes end"));
  CAF_CHECK(has(error_of("\x08\x04"), "type: must be EVENT"));
  CAF_CHECK(has(error_of("\x08\x01\x08\x01"), "type: this member occurs twice"));
  CAF_CHECK(has(error_of("\x08\x01\x12\x01\xff"), "namespace: a text is not UTF-8"));
  CAF_CHECK(has(error_of("\x0b"), "wire type 3"));
  CAF_CHECK(has(error_of(std::string(64, 'x'), {.max_bytes = 63}), "64 bytes are more than the limit of 63"));
  const auto bytes = encoded(record());
  CAF_CHECK(has(error_of(bytes, {.max_elements = 2999}), "data.many: more members and items than"));
  auto m = plain();
  m.clear_data();
  const std::string member("\x0a\x05\x0a\x01k\x12\x00", 7);
  CAF_CHECK_EQUAL(error_of(m.SerializeAsString() + "\x8a\x01\x0e" + member + member),
                  "data.k: this member occurs twice");
}

namespace {

struct Sum {  // of shop.Placed, for who does not read `at`
  std::int64_t n = 0;
  EVENTY_FIELDS(n);
  using record = Event<"urn:shop", "Placed", "1.0.0">;
};
struct Dated {
  Instant at = {};
  EVENTY_FIELDS(at);
  using record = Event<"urn:shop", "Placed", "1.0.0">;
};

template <class M>
std::string reason_of(const std::string& bytes) {
  testing::Bench bench{service<>("desk").on([](StatelessTurn&, const M&) {}),
                       {.serializer = protobuf::serializer()}};
  bench.tell_bytes("shop-events", bytes, "k");
  return bench.dead_letters().empty() ? "" : bench.dead_letters()[0].headers.at("eventy-reason");
}

}  // namespace

CAF_TEST(a_timestamp_out_of_range_concerns_only_who_reads_it_and_is_named) {
  shop::Placed placed;
  placed.set_n(7);
  placed.mutable_at()->set_seconds(253'402'300'800);
  auto record = plain();
  record.mutable_message()->PackFrom(placed);
  CAF_CHECK_EQUAL(reason_of<shop::Placed>(record.SerializeAsString()), "");
  CAF_CHECK_EQUAL(reason_of<Sum>(record.SerializeAsString()), "");
  CAF_CHECK_EQUAL(reason_of<Dated>(record.SerializeAsString()),
                  "data.at: must be a date in ISO 8601 of the years 0001 to 9999, not "
                  "\"253402300800 s and 0 ns since 1970\"");
  std::string out, error;
  const auto encoder = json::serializer()->make_encoder();
  Writer& data = encoder->begin(Record(Kind::event, "urn:shop", "Placed", "urn:shop").envelope(), {}, out);
  try {
    write(data, placed);
  } catch (const EncodeError& e) {
    error = e.what();
  }
  CAF_CHECK_EQUAL(
      error, "at: a timestamp must lie in the years 0001 to 9999, unlike 253402300800 s and 0 ns since 1970");
}

CAF_TEST(nesting_is_bounded) {
  Value deep{ValueList{}};
  for (int i = 0; i < 40; ++i) deep = Value{ValueList{deep}};
  Record r(Kind::event, "urn:a", "x", "urn:a");
  r.data = {{"deep", deep}};
  CAF_CHECK(has(error_of(encoded(r)), "nested deeper than the limit of 32"));
  shop::Node root;
  auto* at = &root;
  for (int i = 0; i < 200; ++i) at = at->add_nodes();
  auto m = plain();
  m.mutable_message()->PackFrom(root);
  CAF_CHECK(has(error_of(m.SerializeAsString()), "are not a message of type shop.Node"));
}

CAF_TEST(a_message_of_very_many_elements_is_refused_before_it_is_made) {
  auto m = plain();
  std::string nodes;
  for (int i = 0; i < 1001; ++i) nodes += std::string("\x0a\x00", 2);
  m.mutable_message()->set_type_url("x/shop.Node");
  m.mutable_message()->set_value(nodes);
  CAF_CHECK(has(error_of(m.SerializeAsString(), {.max_elements = 1000}),
                "data: more elements than the limit of 1000"));
}

// Fields that are not set are members as well.
CAF_TEST(a_message_that_makes_very_many_members_is_refused_before_they_are_written_down) {
  auto m = plain();
  std::string items;
  for (int i = 0; i < 400; ++i) items += std::string("\x1a\x00", 2);
  m.mutable_message()->set_type_url("x/shop.Placed");
  m.mutable_message()->set_value(items);
  CAF_CHECK_EQUAL(error_of(m.SerializeAsString(), {.max_elements = 1300}), "");
  CAF_CHECK(has(error_of(m.SerializeAsString(), {.max_elements = 1000}),
                "data.items[332].sku: too many members and items"));
}

CAF_TEST(bytes_changed_at_random_are_decoded_or_refused) {
  std::mt19937_64 random(7);
  auto m = plain();
  m.mutable_message()->PackFrom(placed());
  for (const auto& good : {encoded(record()), m.SerializeAsString()}) {
    int refused = 0;
    for (int i = 0; i < 3000; ++i) {
      std::string bytes = good;
      for (auto n = 1 + random() % 4; n > 0; --n)
        bytes[random() % bytes.size()] = static_cast<char>(random());
      if (i % 3 == 0) bytes.resize(random() % bytes.size());
      refused += !error_of(bytes).empty();
    }
    CAF_CHECK(refused > 300);
  }
}
