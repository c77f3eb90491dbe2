// What an error in a record says, in every format: the same path from the tool, which reads any record, and
// from a node, whose handler reads a type; and nothing where nobody reads what is wrong.
#define CAF_SUITE record_paths

#include <caf/test/unit_test.hpp>

#include "../avro/support.hpp"
#include "eventy/json/json.hpp"
#include "eventy/msgpack/msgpack.hpp"
#include "eventy/protobuf/protobuf.hpp"
#include "eventy/service.hpp"
#include "eventy/testing/bench.hpp"
#include "eventy/testing/plain_format.hpp"

using namespace eventy;
using namespace std::string_literals;

namespace {

struct Inner {
  Instant a = {};
  EVENTY_FIELDS(a);
};
struct Placed {
  Inner x = {};
  EVENTY_FIELDS(x);
  using record = Event<"urn:my-shop:orders", "Placed", "1.0.0">;
};
struct Other {  // of the same record, for who does not read `x`
  EVENTY_FIELDS();
  using record = Event<"urn:my-shop:orders", "Placed", "1.0.0">;
};

struct Text {
  std::string x;
  EVENTY_FIELDS(x);
};
struct Told {  // the schema wants a number there
  Text x;
  EVENTY_FIELDS(x);
  using record = Event<"urn:my-shop:orders", "Told", "1.0.0">;
};

using Format = std::shared_ptr<const Serializer>;

Format avro_with(const std::string& type) {
  return tests::serializer({tests::evsc(
      "event", "Placed",
      "[{name: x, type: {type: record, name: Inner, fields: [{name: a, type: " + type + "}]}}]")});
}

std::string with(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  CAF_REQUIRE_NOT_EQUAL(at, text.npos);
  return text.replace(at, from.size(), to);
}

// A record with that text as `x.a`.
std::string placed(const Format& format, std::string a) {
  return encode(tests::record_of(Kind::event, "Placed", {{"x", Value{ValueMap{{"a", Value{std::move(a)}}}}}}),
                *format->make_encoder());
}

std::string tool_says(const Format& format, std::string_view bytes) {
  return tests::error_of<DecodeError>([&] { decode(bytes, *format->make_decoder()); });
}

template <class M>
std::string node_says(const Format& format, const std::string& bytes) {
  testing::Bench bench{service<>("desk").on([](StatelessTurn&, const M&) {}), {.serializer = format}};
  bench.tell_bytes("my-shop:orders-events", bytes, "k");
  return bench.dead_letters().empty() ? "" : bench.dead_letters()[0].headers.at("eventy-reason");
}

struct Bad {
  std::string title;
  Format format;
  std::string bytes;  // something is wrong with x.a
  std::string reason;
};

const std::string beyond =
    "\xc7\x0c\xff"s + "\0\0\0\0"s + "\x7f\xff\xff\xff\xff\xff\xff\xff"s;  // a timestamp

std::vector<Bad> bad_values() {
  const auto json = json::serializer(), msgpack = msgpack::serializer(), protobuf = protobuf::serializer();
  const auto avro = avro_with("string");
  const auto json_with = [&](const char* a) { return with(placed(json, "?"), "\"?\"", a); };
  const auto msgpack_with = [&](const std::string& a) { return with(placed(msgpack, "?"), "\xa1?", a); };
  const std::string year =
      "must be a date in ISO 8601 of the years 0001 to 9999, not \"10000-01-01T00:00:00Z\"";
  const auto late = [&](const Format& f) { return placed(f, "10000-01-01T00:00:00Z"); };
  return {
      {"json, large", json, json_with("18446744073709551616"), "not a number that 64 bits cannot hold"},
      {"json, unsigned", json, json_with("9223372036854775808"), "9223372036854775808 is out of range"},
      {"json, year", json, late(json), year},
      {"msgpack, extension", msgpack, msgpack_with("\xd4\x05x"), "not an extension other than a timestamp"},
      {"msgpack, beyond", msgpack, msgpack_with(beyond),
       "not a timestamp that milliseconds in 64 bits cannot hold"},
      {"msgpack, unsigned", msgpack, msgpack_with("\xcf\x80\0\0\0\0\0\0\0"s),
       "9223372036854775808 is out of range"},
      {"protobuf, text", protobuf, with(placed(protobuf, "????"), "????", "??\xc3("), "not UTF-8"},
      {"protobuf, year", protobuf, late(protobuf), year},
      {"avro, text", avro, with(placed(avro, "????"), "????", "??\xc3("), "not UTF-8"},
      {"avro, year", avro, late(avro), year},
      {"plain, year", testing::plain_serializer(), late(testing::plain_serializer()), ""}};
}

bool is_at(const std::string& error, std::string_view path, std::string_view reason) {
  const bool good = error.starts_with(std::string(path) + ": ") && error.find(reason) != error.npos;
  if (!good) CAF_MESSAGE("error: " << error);
  return good;
}

// Values that are well-formed, so that the tool, which does not know the type, may well read them.
bool is_of_a_type(const Bad& bad) { return bad.title.ends_with("year") || bad.title.ends_with("unsigned"); }

}  // namespace

CAF_TEST(the_path_is_the_same_from_tool_and_node) {
  for (const auto& bad : bad_values()) {
    CAF_MESSAGE(bad.title);
    CAF_CHECK(is_at(node_says<Placed>(bad.format, bad.bytes), "data.x.a", bad.reason));
    const auto tool = tool_says(bad.format, bad.bytes);
    CAF_CHECK(is_of_a_type(bad) ? tool.empty() : is_at(tool, "data.x.a", bad.reason));
  }
}

CAF_TEST(what_nobody_reads_is_passed_over) {
  for (const auto& bad : bad_values()) {
    if (bad.reason.ends_with("UTF-8")) continue;  // no format takes such bytes for text
    CAF_MESSAGE(bad.title);
    CAF_CHECK_EQUAL(node_says<Other>(bad.format, bad.bytes), "");
  }
  const auto msgpack = msgpack::serializer();
  const auto more = with(placed(msgpack, "?"), "\xa4type", "\xa4more" + beyond + "\xa4type");
  CAF_CHECK_EQUAL(node_says<Other>(msgpack, with(more, "\x8c", "\x8d")), "");
}

CAF_TEST(what_a_turn_cannot_write_has_the_path_that_the_tool_gives) {
  const auto avro = tests::serializer({tests::evsc("event", "Told",
                                                   "[{name: x, type: {type: record, name: Inner, fields: "
                                                   "[{name: x, type: int}]}}]"),
                                       tests::evsc("event", "Placed", "[]")});
  testing::Bench bench{
      service<>("orders").in_namespace("urn:my-shop:orders").on([](StatelessTurn& turn, const Other&) {
        turn.emit(Told{{"one"}});
      }),
      {.serializer = avro}};
  bench.tell(Other{}, "k");
  CAF_REQUIRE_EQUAL(bench.dead_letters().size(), 1u);
  CAF_CHECK(is_at(bench.dead_letters()[0].headers.at("eventy-reason"), "data.x.x", "not text"));
}

CAF_TEST(a_date_of_a_record_that_is_out_of_range_is_named) {
  const std::string years = "must lie in the years 0001 to 9999", beyond_years = "253402300800000";
  const auto record = [&](const Format& format, std::string_view from, std::string_view to) {
    return node_says<Other>(format, with(placed(format, "?"), from, to));
  };
  const auto json = json::serializer();
  CAF_CHECK(is_at(record(json, "2026-01-02T01:04:05.678000+00:00", "12026-01-02T01:04:05Z"), "date_iso8601",
                  "of the years 0001 to 9999, not \"12026-01-02T01:04:05Z\""));
  const auto without_text =
      with(placed(json, "?"), R"("date_iso8601":"2026-01-02T01:04:05.678000+00:00",)", "");
  for (const auto* date : {"253402300800000", "-9223372036854775808", "9223372036854775808"})
    CAF_CHECK(
        node_says<Other>(json, with(without_text, "1767315845678", date)).starts_with("date_timestamp: "));
  const auto msgpack = msgpack::serializer();
  const std::string date = "\xcf\0\0\x01\x9b\x7c\x3b\xb2\x2e"s;
  CAF_CHECK(is_at(record(msgpack, date, beyond), "date_timestamp", "cannot hold"));
  CAF_CHECK(is_at(record(msgpack, date, "\xcf\0\0\xff\0\0\0\0\0"s), "date_timestamp", years));
  CAF_CHECK(is_at(record(protobuf::serializer(), "\xae\xe4\xee\xe1\xb7\x33", "\xae\xe4\xee\xe1\xb7\xff\x7f"),
                  "date_timestamp", years));
  CAF_CHECK(is_at(
      record(avro_with("string"), "2026-01-02T01:04:05.678000+00:00", "2026-13-02T01:04:05.678000+00:00"),
      "date_iso8601", "must be a date"));
}

CAF_TEST(bytes_framed_for_a_schema_registry_are_named_as_such) {
  const std::string framed = "\0\0\0\x02\x9a"s + "{}";
  for (const auto& format :
       {json::serializer(), msgpack::serializer(), protobuf::serializer(), Format(avro_with("string")),
        by_first_byte({json::serializer(), avro_with("string")})}) {
    CAF_MESSAGE(format->name());
    CAF_CHECK(tool_says(format, framed).find("framed for a schema registry, with schema id 666") !=
              std::string::npos);
    CAF_CHECK(tool_says(format, framed.substr(0, 4)).find("registry") == std::string::npos);
  }
}
