// The example of a format of one's own: it carries all that a record can hold, runs a service, and shares a
// topic with another format.
#define CAF_SUITE own_format

#include <caf/test/unit_test.hpp>

#include "eventy/json/json.hpp"
#include "eventy/service.hpp"
#include "eventy/testing/bench.hpp"
#include "examples/counter/counter.hpp"
#include "examples/own_format/rows.hpp"

using namespace eventy;

namespace {

std::string error_of(const Serializer& format, std::string_view bytes) {
  try {
    decode(bytes, *format.make_decoder());
  } catch (const DecodeError& e) {
    return e.what();
  }
  return "";
}

Record refusal() {
  Record r(Kind::response, "urn:shop", "Placed", "urn:shop");
  r.set_partition_key("é").set_destination("urn:web").set_request_uuid(
      "11111111-2222-4333-8444-555555555555");
  r.set_refusal(409, "full");
  r.context["urn:web"]["n"] = std::int64_t{7};
  r.context["urn:web"]["none"] = nullptr;
  return r;
}

Record placed() {
  Record r(Kind::event, "urn:shop", "Placed", "urn:shop");
  r.set_version("2.1.0");
  r.data = {{"n", Value{std::int64_t{1}}}, {"list", Value{ValueList{Value{1.5}, Value{"x"}, Value{}}}}};
  return r;
}

bool same(const Record& a, const Record& b) {
  const auto json = json::serializer()->make_encoder();
  return encode(a, *json) == encode(b, *json);
}

}  // namespace

CAF_TEST(a_record_comes_back_as_it_was) {
  const auto format = own_format::rows();
  for (const auto& record : {placed(), refusal()}) {
    const auto bytes = encode(record, *format->make_encoder());
    CAF_CHECK_EQUAL(bytes.front(), '[');
    CAF_CHECK(same(decode(bytes, *format->make_decoder()), record));
  }
}

CAF_TEST(bytes_that_are_no_record_are_refused) {
  const auto format = own_format::rows();
  CAF_CHECK(error_of(*format, "[").find("not JSON") != std::string::npos);
  CAF_CHECK_EQUAL(error_of(*format, "[\"EVE\"]"), "unknown type of record");
  CAF_CHECK(error_of(*format, "[\"EVENT\",\"urn:a\"]") != "");
  CAF_CHECK(error_of(*format, "[\"EVENT\",\"shop\",\"x\",\"urn:a\"]").find("namespace: ") == 0);
  CAF_CHECK(error_of(*format, "[\"EVENT\",7]").find("expected a text") == 0);
}

CAF_TEST(a_service_runs_on_it) {
  testing::Bench bench{counter::service(), {.serializer = own_format::rows()}};
  bench.tell(counter::Clicked{}, "ann");
  bench.tell(counter::Clicked{}, "ann");
  CAF_CHECK_EQUAL(bench.sent<counter::Counted>().size(), 2u);
  const auto sent = bench.sent<counter::Counted>();
  CAF_CHECK_EQUAL(sent.back().count, 2);
  CAF_CHECK_EQUAL(bench.sent_records().back().bytes.find("[\"EVENT\",\"urn:counter\",\"Counted\""), 0u);
  CAF_CHECK(bench.dead_letters().empty());
}

CAF_TEST(a_topic_may_hold_its_records_and_those_of_json) {
  testing::Bench bench{counter::service(),
                       {.serializer = by_first_byte({own_format::rows(), json::serializer()})}};
  Record click(Kind::event, "urn:bench", "Clicked", "urn:bench");
  click.set_partition_key("ann");
  click.data = {{"n", Value{std::int64_t{1}}}};
  for (const auto& format : {own_format::rows(), json::serializer()})
    bench.tell_bytes("bench-events", encode(click, *format->make_encoder()), "ann");
  CAF_CHECK_EQUAL(bench.sent<counter::Counted>().size(), 2u);
  CAF_CHECK_EQUAL(bench.sent_records().back().bytes.front(), '[');  // the first one is written
  bench.tell_bytes("bench-events", "\x01", "ann");
  CAF_REQUIRE_EQUAL(bench.dead_letters().size(), 1u);
  CAF_CHECK_EQUAL(bench.dead_letters()[0].headers.at("eventy-reason"),
                  "it begins with 0x01, which no record of rows, json does");
}
