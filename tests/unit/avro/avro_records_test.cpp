// The records of the protocol in Avro.
#define CAF_SUITE avro_records

#include <caf/test/unit_test.hpp>

#include <string>

#include "tests/unit/avro/support.hpp"

using namespace eventy;
using namespace eventy::tests;
using namespace std::string_literals;

namespace {

const std::string fields = "[{name: n, type: long}, {name: word, type: [\"null\", string]}]";

std::shared_ptr<const avro::AvroSerializer> format() {
  return serializer(
      {evsc("event", "Placed", fields), evsc("request", "Ask", fields), evsc("response", "Answer", fields)});
}

std::string encoded(const Record& record) { return encode(record, *format()->make_encoder()); }
Record decoded(std::string_view bytes) { return decode(bytes, *format()->make_decoder()); }

std::string name_of(Kind kind) {
  return kind == Kind::event ? "Placed" : kind == Kind::request ? "Ask" : "Answer";
}

Record example(Kind kind) {
  auto record = record_of(kind, name_of(kind), {{"n", {std::int64_t{7}}}, {"word", {"w"s}}});
  if (kind == Kind::response) record.set_refusal(409, "full");
  record.context["urn:a"] = {
      {"null", nullptr}, {"yes", true}, {"int", std::int64_t{-3}}, {"real", 1.5}, {"t", "x"}};
  return record;
}

Context context_of(const OutgoingContext& outgoing) {
  auto record = example(Kind::request);
  std::string bytes;
  auto encoder = format()->make_encoder();
  write(encoder->begin(record.envelope(), outgoing, bytes), record.data);
  encoder->end();
  return decoded(bytes).context;
}

// A record of an older protocol: its fields are texts, but for those that are given a type.
std::string legacy(const std::vector<std::array<std::string, 3>>& members,
                   const std::string& name = R"("name":"Old")") {
  std::string schema, datum;
  for (const auto& [field, type, bytes] : members) {
    schema += (schema.empty() ? "" : ",") + (R"({"name":")" + field + R"(","type":)" + type + "}");
    datum += bytes;
  }
  return container(R"({"type":"record",)" + name + R"(,"fields":[)" + schema + "]}", datum);
}
const std::string text = R"("string")", whole = R"("long")";

}  // namespace

CAF_TEST(reads_what_it_writes) {
  for (auto kind : {Kind::event, Kind::request, Kind::response}) {
    auto record = example(kind);
    auto again = decoded(encoded(record));
    CAF_CHECK(again.kind() == kind);
    CAF_CHECK_EQUAL(again.ns(), record.ns());
    CAF_CHECK_EQUAL(again.name(), record.name());
    CAF_CHECK_EQUAL(again.source(), record.source());
    CAF_CHECK_EQUAL(again.uuid(), record.uuid());
    CAF_CHECK(again.partition_key() == record.partition_key());
    CAF_CHECK(again.date() == record.date());
    CAF_CHECK(again.context == record.context);
    CAF_CHECK(again.data == record.data);
    CAF_CHECK_EQUAL(again.destination(), record.destination());
    CAF_CHECK_EQUAL(again.request_uuid(), record.request_uuid());
    CAF_CHECK_EQUAL(again.ok(), record.ok());
    CAF_CHECK(again.error_code() == record.error_code());
    CAF_CHECK(again.error_message() == record.error_message());
    CAF_CHECK(encoded(again) == encoded(record));
  }
}

CAF_TEST(a_record_without_key_and_context) {
  auto record = example(Kind::event);
  record.set_partition_key({});
  record.context.clear();
  auto again = decoded(encoded(record));
  CAF_CHECK(!again.partition_key());
  CAF_CHECK(again.context.empty());
}

CAF_TEST(a_refusal_has_an_empty_map_as_data) {
  auto record = example(Kind::response);
  record.data.clear();
  CAF_CHECK(decoded(encoded(record)).data.empty());
}

CAF_TEST(one_more_member_is_spliced_into_the_own_entry_of_the_context) {
  Context common{{"urn:a", {{"k", std::int64_t{1}}}}, {"urn:me", {{"x", "y"}}}, {"urn:z", {}}};
  OutgoingContext out{.common = &common, .version = 1, .own_namespace = "urn:me"};
  CAF_CHECK(context_of(out) == common);
  out.extra_name = "u", out.extra_value = "key";
  auto expected = common;
  expected["urn:me"]["u"] = "key";
  CAF_CHECK(context_of(out) == expected);
  out.common = nullptr;
  CAF_CHECK(context_of(out) == Context({{"urn:me", {{"u", "key"}}}}));
  out.extra_name = {};
  CAF_CHECK(context_of(out).empty());
}

CAF_TEST(a_context_is_encoded_again_when_its_version_changes) {
  auto record = example(Kind::event);
  auto encoder = format()->make_encoder();
  Context common{{"urn:a", {{"k", std::int64_t{1}}}}};
  OutgoingContext out{.common = &common, .version = 1, .own_namespace = "urn:me"};
  for (int round = 0; round < 4; ++round) {
    std::string bytes;
    write(encoder->begin(record.envelope(), out, bytes), record.data);
    encoder->end();
    CAF_CHECK(decoded(bytes).context == common);
    if (round % 2 == 1) common["urn:me"]["r" + std::to_string(round)] = true, ++out.version;
  }
}

CAF_TEST(a_record_that_cannot_be_written_leaves_nothing_behind) {
  auto encoder = format()->make_encoder();
  std::string out = "before";
  auto fails = [&](const Record& record) {
    return error_of<std::invalid_argument>([&] {
      write(encoder->begin(record.envelope(), {}, out), record.data);
      encoder->end();
    });
  };
  CAF_CHECK_EQUAL(fails(record_of(Kind::event, "Unheard")),
                  "there is no Avro schema for urn:my-shop:orders:Unheard");
  CAF_CHECK_EQUAL(fails(record_of(Kind::request, "Placed")),
                  "type: the Avro schema of urn:my-shop:orders:Placed is of type EVENT, not REQUEST");
  CAF_CHECK_EQUAL(fails(record_of(Kind::event, "Placed")), "n: this member is missing");
  auto large = example(Kind::response);
  large.set_refusal(std::int64_t{1} << 31, {});
  CAF_CHECK_EQUAL(fails(large), "error_code: 2147483648 does not fit into the 32 bits of Avro's int");
  CAF_CHECK_EQUAL(out, "before");
  CAF_CHECK_EQUAL(fails(example(Kind::event)), "");
  CAF_CHECK(decoded(out.substr(6)).data == example(Kind::event).data);
}

CAF_TEST(the_error_of_a_whole_record_names_the_path) {
  auto record = example(Kind::event);
  record.data[1].second = {true};
  CAF_CHECK_EQUAL(error_of<std::invalid_argument>([&] { encoded(record); }),
                  "data.word: the schema requires one of null, string, not a boolean");
}

CAF_TEST(a_bad_record_says_what_is_wrong) {
  auto error = [](std::string_view bytes) { return error_of<DecodeError>([&] { decoded(bytes); }); };
  auto bytes = encoded(example(Kind::response));
  CAF_CHECK_EQUAL(error(bytes), "");
  CAF_CHECK_EQUAL(error(bytes + "x"), "1 bytes are left over");
  CAF_CHECK_EQUAL(error("{}"), "not an Avro container file, which begins with Obj and 1");
  auto uuid = bytes;
  uuid.replace(uuid.find("0d6a7d4f"), 1, "x");
  CAF_CHECK_EQUAL(error(uuid),
                  "uuid: must be a UUID of version 4, not \"xd6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09\"");
  auto newer = bytes;
  newer.replace(newer.find("3.0.0"), 1, "4");
  CAF_CHECK_EQUAL(error(newer), "protocol_version: must be of the family >=3,<4");
  auto date = bytes;
  date.replace(date.find("2026-01"), 7, "2026-99");
  CAF_CHECK_EQUAL(error(date),
                  "date_iso8601: must be a date in ISO 8601 of the years 0001 to 9999, not "
                  "\"2026-99-02T01:04:05.678000+00:00\"");
  CAF_CHECK_EQUAL(error(bytes_with(R"("int")", "\x80")), "data: the bytes end too early");
  CAF_CHECK_EQUAL(error(container(schema_with(R"("int")"), with_envelope("\x02"), "deflate")),
                  "avro.codec.deflate: this compression is not supported");
}

CAF_TEST(a_decoder_is_reused_for_records_of_many_schemas) {
  auto decoder = format()->make_decoder();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 600; ++i) {  // more than it keeps
      auto bytes = bytes_with(
          R"({"type":"record","name":"D","fields":[{"name":"n)" + std::to_string(i) + R"(","type":"int"}]})",
          number(i));
      auto data = decode(bytes, *decoder).data;
      CAF_REQUIRE(data == ValueMap({{"n" + std::to_string(i), {std::int64_t{i}}}}));
    }
  }
}

CAF_TEST(a_record_of_protocol_1_becomes_one_of_protocol_3) {
  auto record = decoded(legacy({{"event_timestamp", whole, number(1767315845678)},
                                {"page", text, sized("home")},
                                {"n", whole, number(3)}},
                               R"("name":"Clicked","namespace":"shop.web")"));
  CAF_CHECK(record.kind() == Kind::event);
  CAF_CHECK_EQUAL(record.ns(), "urn:shop:web");
  CAF_CHECK_EQUAL(record.name(), "Clicked");
  CAF_CHECK_EQUAL(record.version(), "1.0.0");
  CAF_CHECK_EQUAL(record.source(), "urn:unspecified");
  CAF_CHECK(record.date() == Instant(Duration(1767315845678)));
  CAF_CHECK(record.data == ValueMap({{"page", {"home"s}}, {"n", {std::int64_t{3}}}}));
  CAF_CHECK(record.partition_key() == std::nullopt);
}

CAF_TEST(a_record_of_protocol_2_keeps_its_envelope) {
  auto record = decoded(legacy({{"protocol_version", text, sized("2.1.0")},
                                {"type", text, sized("REQUEST")},
                                {"source", text, sized("shop.web")},
                                {"uuid", text, sized("0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09")},
                                {"correlation_id", text, sized("chain")},
                                {"partition_key", text, sized("k")},
                                {"date_iso", text, sized("2026-01-02T01:04:05.678-02:00")},
                                {"data", R"({"type":"map","values":"int"})",
                                 number(2) + sized("a") + number(1) + sized("b") + number(2) + number(0)},
                                {"b", whole, number(7)}}));
  CAF_CHECK(record.kind() == Kind::request);
  CAF_CHECK_EQUAL(record.ns(), "urn:unspecified");
  CAF_CHECK_EQUAL(record.source(), "urn:shop:web");
  CAF_CHECK_EQUAL(record.correlation_id(), "chain");
  CAF_CHECK_EQUAL(record.uuid(), "0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09");
  CAF_CHECK(record.date() == Instant(Duration(1767323045678)));
  // What is beside `data` goes over what is in it.
  CAF_CHECK(record.data == ValueMap({{"a", {std::int64_t{1}}}, {"b", {std::int64_t{7}}}}));
}

CAF_TEST(the_first_of_the_timestamps_counts) {
  const std::array<const char*, 6> names{"timestamp",         "timestamp_ms",    "date_timestamp",
                                         "date_timestamp_ms", "event_timestamp", "event_timestamp_ms"};
  std::vector<std::array<std::string, 3>> members{{"date_iso8601", text, sized("1990-01-01T00:00:00+00:00")}};
  for (std::size_t i = names.size(); i-- > 0;) {
    members.insert(members.begin(), {names[i], whole, number(static_cast<std::int64_t>(i))});
    CAF_CHECK(decoded(legacy(members)).date() == Instant(Duration(i)));
  }
  CAF_CHECK(decoded(legacy(members)).data.empty());
}

CAF_TEST(what_an_old_record_lacks_follows_from_it) {
  const auto bytes = legacy({{"n", whole, number(3)}}), other = legacy({{"n", whole, number(4)}});
  auto first = decoded(bytes), second = decoded(bytes), different = decoded(other);
  CAF_CHECK_EQUAL(first.uuid(), second.uuid());
  CAF_CHECK_EQUAL(first.correlation_id(), second.correlation_id());
  CAF_CHECK(first.correlation_id().starts_with("unspecified:Old:"));
  CAF_CHECK(first.date() == Instant());
  CAF_CHECK_NOT_EQUAL(first.uuid(), different.uuid());
  CAF_CHECK_NOT_EQUAL(first.correlation_id(), different.correlation_id());
}

CAF_TEST(a_uuid_of_another_version_in_an_old_record_is_replaced) {
  auto with_uuid = [](const std::string& uuid) { return legacy({{"uuid", text, sized(uuid)}}); };
  const auto first = decoded(with_uuid("0d6a7d4f-8a54-1b52-9d4b-3f1f3c2b1a09"));
  const auto again = decoded(with_uuid("0d6a7d4f-8a54-1b52-9d4b-3f1f3c2b1a09"));
  CAF_CHECK_EQUAL(first.uuid()[14], '4');
  CAF_CHECK_EQUAL(again.uuid(), first.uuid());
  CAF_CHECK_EQUAL(error_of<DecodeError>([&] { decoded(with_uuid("none")); }), "uuid: must be a UUID");
}
