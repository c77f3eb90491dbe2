// The records of the protocol as JSON: what is written to the byte, and what is read.
#define CAF_SUITE json_records

#include <caf/test/unit_test.hpp>

#include <string>

#include "eventy/json/json.hpp"
#include "support/throws.hpp"

using namespace eventy;
using eventy::tests::throws;

namespace {

// The envelope that the golden records have.
Envelope envelope_of(Kind kind) {
  Envelope e;
  e.kind = kind;
  e.ns = "urn:orders";
  e.name = "Placed";
  e.version = "1.2.0";
  e.source = "urn:shop";
  e.uuid = "0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09";
  e.correlation_id = "shop:Placed:AAECAwQFBgc";
  e.partition_key = "k\"1\xc3\xa9";
  e.date = Instant(Duration(1767315845678));
  if (kind == Kind::response) {
    e.destination = "urn:shop:web";
    e.request_uuid = "11111111-2222-4333-8444-555555555555";
  }
  return e;
}

std::string encoded(const Envelope& e, const OutgoingContext& context = {}) {
  auto encoder = json::serializer()->make_encoder();
  std::string out;
  Writer& data = encoder->begin(e, context, out);
  data.open_map(1);
  data.member("n"), data.integer(7);
  data.close_map();
  encoder->end();
  return out;
}

const std::string head =
    R"("namespace":"urn:orders","name":"Placed","protocol_version":"3.0.0","version":"1.2.0","source":"urn:shop",)"
    R"("uuid":"0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09","correlation_id":"shop:Placed:AAECAwQFBgc",)"
    "\"partition_key\":\"k\\\"1\xc3\xa9\","
    R"("date_timestamp":1767315845678,"date_iso8601":"2026-01-02T01:04:05.678000+00:00",)";
const std::string tail = R"("context":{},"data":{"n":7}})";
const std::string event = R"({"type":"EVENT",)" + head + tail;

std::string with(std::string text, std::string_view from, std::string_view to) {
  auto at = text.find(from);
  CAF_REQUIRE_NOT_EQUAL(at, text.npos);
  return text.replace(at, from.size(), to);
}

Record read_record(std::string_view text) { return decode(text, *json::serializer()->make_decoder()); }

std::string error_of(std::string_view text) {
  try {
    read_record(text);
  } catch (const DecodeError& e) {
    return e.what();
  }
  return "";
}

void must_fail_with(std::string_view text, std::string_view reason) {
  auto error = error_of(text);
  CAF_CHECK_NOT_EQUAL(error, "");
  if (error.find(reason) == error.npos) CAF_ERROR(error << " does not say: " << reason);
}

std::string context_in(const std::string& record) {
  auto start = record.find("\"context\":") + 10, end = record.find(",\"data\":");
  return record.substr(start, end - start);
}

}  // namespace

CAF_TEST(writes_an_event_to_the_byte) { CAF_CHECK_EQUAL(encoded(envelope_of(Kind::event)), event); }

CAF_TEST(writes_a_request_to_the_byte) {
  auto e = envelope_of(Kind::request);
  e.partition_key.reset();
  CAF_CHECK_EQUAL(encoded(e), R"({"type":"REQUEST",)" + with(head, "\"k\\\"1\xc3\xa9\"", "null") + tail);
}

CAF_TEST(writes_a_response_to_the_byte) {
  auto e = envelope_of(Kind::response);
  const std::string to =
      R"("destination":"urn:shop:web","request_uuid":"11111111-2222-4333-8444-555555555555",)";
  CAF_CHECK_EQUAL(encoded(e), R"({"type":"RESPONSE",)" + head + to +
                                  R"("ok":true,"error_code":null,"error_message":null,)" + tail);
  e.ok = false;
  e.error_code = 409;
  e.error_message = "full";
  CAF_CHECK_EQUAL(encoded(e), R"({"type":"RESPONSE",)" + head + to +
                                  R"("ok":false,"error_code":409,"error_message":"full",)" + tail);
}

CAF_TEST(writes_a_whole_second_without_fraction) {
  auto e = envelope_of(Kind::event);
  e.date = Instant(Duration(1767315845000));
  auto text = encoded(e);
  CAF_CHECK(text.find(R"("date_timestamp":1767315845000,"date_iso8601":"2026-01-02T01:04:05+00:00",)") !=
            text.npos);
}

CAF_TEST(one_encoder_writes_many_different_records) {
  auto encoder = json::serializer()->make_encoder();
  std::string all, expected;
  for (int round = 0; round < 100; ++round) {
    auto e = envelope_of(round % 3 == 0 ? Kind::request : Kind::event);
    auto name = "N" + std::to_string(round % 40), source = "urn:s" + std::to_string(round % 7);
    e.name = name, e.source = source;
    e.date += Duration(round / 10);
    write(encoder->begin(e, {}, all), ValueMap{{"n", {std::int64_t{7}}}});
    encoder->end();
    expected += encoded(e);
  }
  CAF_CHECK_EQUAL(all, expected);
}

CAF_TEST(reads_what_it_writes) {
  for (auto kind : {Kind::event, Kind::request, Kind::response}) {
    Record record(envelope_of(kind));
    record.context["urn:a"] = {{"null", nullptr}, {"yes", true}, {"int", std::int64_t{-3}}, {"real", 1.5}};
    record.context["urn:b"]["text"] = "\xe2\x82\xac \n";
    record.data = {{"list", {ValueList{{std::int64_t{1}}, {ValueMap{}}}}}, {"none", {nullptr}}};
    auto serializer = json::serializer();
    auto bytes = encode(record, *serializer->make_encoder());
    auto again = decode(bytes, *serializer->make_decoder());
    CAF_CHECK(again.context == record.context);
    CAF_CHECK(again.data == record.data);
    CAF_CHECK_EQUAL(encode(again, *serializer->make_encoder()), bytes);
  }
}

CAF_TEST(reads_blanks_and_escapes_as_the_python_peer_writes_them) {
  auto record = read_record(
      R"({"type": "RESPONSE", "namespace": "urn:orders", "name": "Placed", "protocol_version": "3.0.0", )"
      R"("version": "1.2.0", "source": "urn:shop", "uuid": "0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09", )"
      R"("correlation_id": "c", "partition_key": "\u00e9\ud83d\ude00", "date_timestamp": 1767315845678, )"
      R"("date_iso8601": "2026-01-02T02:04:05.678999+01:00", "destination": "urn:shop:web", )"
      R"("request_uuid": "11111111-2222-4333-8444-555555555555", "ok": false, "error_code": 4, )"
      R"("error_message": "no", "context": {"urn:a": {"b": 1.0}}, "data": {"x": [1, 2.5, null]}})");
  CAF_CHECK_EQUAL(*record.partition_key(), "\xc3\xa9\xf0\x9f\x98\x80");
  CAF_CHECK_EQUAL(record.date().time_since_epoch().count(), 1767315845678);
  CAF_CHECK_EQUAL(record.ok(), false);
  CAF_CHECK_EQUAL(*record.error_code(), 4);
  CAF_CHECK_EQUAL(*record.error_message(), "no");
  CAF_CHECK(record.context["urn:a"]["b"] == ContextValue(1.0));
}

CAF_TEST(reads_members_in_any_order_and_passes_over_unknown_ones) {
  auto record = read_record(
      R"({"data":{"n":7},"later":[{"a":1},"\u0000",1e400,123456789012345678901234567890],"context":{},"date_iso8601":"2026-01-02T01:04:05Z","uuid":)"
      R"("0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09","source":"urn:shop","name":"Placed","namespace":"urn:orders",)"
      R"("correlation_id":"c","destination":"urn:not.looked:at","more":null,"version":"1.2.0","type":"EVENT"})");
  CAF_CHECK_EQUAL(record.name(), "Placed");
  CAF_CHECK_EQUAL(record.protocol_version(), "3.0.0");
  CAF_CHECK(!record.partition_key());
  CAF_CHECK_EQUAL(record.destination(), "");
  CAF_CHECK(record.data == ValueMap({{"n", {std::int64_t{7}}}}));
}

CAF_TEST(the_iso_date_counts_and_the_timestamp_stands_in_for_it) {
  auto other = read_record(with(event, "\"date_timestamp\":1767315845678", "\"date_timestamp\":5"));
  CAF_CHECK_EQUAL(other.date().time_since_epoch().count(), 1767315845678);
  auto alone = read_record(with(event, R"("date_iso8601":"2026-01-02T01:04:05.678000+00:00",)", ""));
  CAF_CHECK_EQUAL(alone.date().time_since_epoch().count(), 1767315845678);
  auto none = with(with(event, R"("date_iso8601":"2026-01-02T01:04:05.678000+00:00",)", ""),
                   "\"date_timestamp\":1767315845678,", "");
  must_fail_with(none, "date_iso8601: this member is missing");
}

CAF_TEST(a_missing_member_is_named) {
  must_fail_with(with(event, R"("type":"EVENT",)", ""), "type: this member is missing");
  must_fail_with(with(event, R"("namespace":"urn:orders",)", ""), "namespace: this member is missing");
  must_fail_with(with(event, R"("uuid":"0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09",)", ""), "uuid: this member");
  must_fail_with(with(event, "EVENT", "RESPONSE"), "destination: this member is missing");
  CAF_CHECK_EQUAL(error_of(with(event, R"("context":{},)", "")), "");
  CAF_CHECK_EQUAL(error_of(with(event, R"(,"data":{"n":7})", "")), "");
}

CAF_TEST(a_broken_rule_names_field_and_value) {
  must_fail_with(with(event, "urn:orders", "orders"), "namespace: ");
  must_fail_with(with(event, "\"3.0.0\"", "\"4.0.0\""), "4.0.0");
  must_fail_with(with(event, "-4b52-", "-1b52-"), "uuid: ");
  must_fail_with(with(event, "EVENT", "QUERY"), "type: must be EVENT");
  must_fail_with(with(event, "01:04:05", "01:64:05"), "date_iso8601: ");
  must_fail_with(with(event, "\"urn:shop\"", "17"), "source: must be text, not an integer");
  must_fail_with(with(event, "\"context\":{}", "\"context\":null"), "context: must be a map, not null");
  must_fail_with(with(event, "\"context\":{}", "\"context\":{\"urn:a\":{\"b\":[]}}"), "context.urn:a.b: ");
}

CAF_TEST(a_member_that_is_there_twice_is_refused_wherever_it_is) {
  const std::string twice = R"({"a":1,"\u0061":2})";
  must_fail_with(with(event, "\"context\"", R"("name":"Placed","context")"),
                 "name: this member occurs twice");
  must_fail_with(with(event, "\"context\"", R"("x":1,"y":2,"x":3,"context")"), "x: this member occurs twice");
  must_fail_with(with(event, "\"context\"", R"("x":[[)" + twice + R"(]],"context")"),
                 "a: this member occurs");
  must_fail_with(with(event, "\"context\":{}", R"("context":{"urn:a":)" + twice + "}"),
                 "a: this member occurs");
  must_fail_with(with(event, "\"context\":{}", R"("context":{"urn:a":{},"urn:a":{}})"), "urn:a: this member");
  must_fail_with(with(event, "{\"n\":7}", twice), "a: this member occurs twice");
}

CAF_TEST(splices_one_more_member_into_the_own_entry_of_the_context) {
  Context common{{"urn:a", {{"k", std::int64_t{1}}}}, {"urn:me", {{"x", "y"}}}, {"urn:z", {}}};
  OutgoingContext out{.common = &common, .version = 1, .own_namespace = "urn:me"};
  auto e = envelope_of(Kind::request);
  CAF_CHECK_EQUAL(context_in(encoded(e, out)), R"({"urn:a":{"k":1},"urn:me":{"x":"y"},"urn:z":{}})");
  out.extra_name = "u\"1", out.extra_value = "key";
  CAF_CHECK_EQUAL(context_in(encoded(e, out)),
                  R"({"urn:a":{"k":1},"urn:z":{},"urn:me":{"x":"y","u\"1":"key"}})");
  out.own_namespace = "urn:new";
  CAF_CHECK_EQUAL(context_in(encoded(e, out)),
                  R"({"urn:a":{"k":1},"urn:me":{"x":"y"},"urn:z":{},"urn:new":{"u\"1":"key"}})");
  out.common = nullptr;
  CAF_CHECK_EQUAL(context_in(encoded(e, out)), R"({"urn:new":{"u\"1":"key"}})");
}

CAF_TEST(encodes_a_context_again_only_when_its_version_changes) {
  auto encoder = json::serializer()->make_encoder();
  Context common{{"urn:a", {{"k", std::int64_t{1}}}}};
  OutgoingContext out{.common = &common, .version = 1, .own_namespace = "urn:me"};
  auto write_one = [&] {
    std::string text;
    write(encoder->begin(envelope_of(Kind::event), out, text), ValueMap{});
    encoder->end();
    return context_in(text);
  };
  CAF_CHECK_EQUAL(write_one(), R"({"urn:a":{"k":1}})");
  common["urn:b"]["l"] = "m";
  out.version = 2;
  CAF_CHECK_EQUAL(write_one(), R"({"urn:a":{"k":1},"urn:b":{"l":"m"}})");
  out.extra_name = "r", out.extra_value = "1";
  CAF_CHECK_EQUAL(write_one(), R"({"urn:a":{"k":1},"urn:b":{"l":"m"},"urn:me":{"r":"1"}})");
  out.extra_value = "2";
  CAF_CHECK_EQUAL(write_one(), R"({"urn:a":{"k":1},"urn:b":{"l":"m"},"urn:me":{"r":"2"}})");
  out.extra_name = {};
  common.clear(), out.version = 3;
  CAF_CHECK_EQUAL(write_one(), "{}");
}

CAF_TEST(an_encoder_goes_on_after_a_context_that_it_cannot_write) {
  auto encoder = json::serializer()->make_encoder();
  Context common{{"urn:a", {{"k", std::numeric_limits<double>::quiet_NaN()}}}};
  OutgoingContext out{.common = &common, .version = 1, .own_namespace = "urn:me"};
  for (int time = 0; time < 2; ++time) {
    std::string text;
    CAF_CHECK(throws<std::invalid_argument>([&] { encoder->begin(envelope_of(Kind::event), out, text); }));
  }
  std::string text;
  write(encoder->begin(envelope_of(Kind::event), {}, text), ValueMap{{"n", {std::int64_t{7}}}});
  encoder->end();
  CAF_CHECK_EQUAL(text, event);
}

CAF_TEST(the_data_can_be_read_again_from_its_start) {
  auto decoder = json::serializer()->make_decoder();
  std::string padded = event + std::string(value_padding, ' ');
  decoder->decode(std::string_view(padded).substr(0, event.size()));
  CAF_CHECK(decoder->context_is_empty());
  for (int time = 0; time < 2; ++time) {
    ValueMap data;
    read(decoder->data(), data, Absent::is_error);
    CAF_CHECK(data == ValueMap({{"n", {std::int64_t{7}}}}));
  }
}
