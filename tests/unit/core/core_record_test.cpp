// The rules of a record, and how a record says that one is broken.
#define CAF_SUITE core_record

#include "eventy/core/record.hpp"

#include "caf/test/unit_test.hpp"

#include <functional>
#include <stdexcept>

#include "eventy/core/date.hpp"
#include "eventy/core/ids.hpp"
#include "eventy/core/serializer.hpp"
#include "eventy/core/value_codec.hpp"

using namespace eventy;

namespace {

constexpr std::string_view id = "0b7c1f4e-3a52-4d86-9f10-2c6d8e4a7b35";

Envelope an_event() {
  return {.kind = Kind::event,
          .ns = "urn:web",
          .name = "Clicked",
          .version = "1.0.0",
          .source = "urn:web",
          .uuid = id,
          .correlation_id = "web:Clicked:AAAAAAAAAAA"};
}

Envelope a_response() {
  auto e = an_event();
  e.kind = Kind::response;
  e.destination = "urn:counter";
  e.request_uuid = id;
  return e;
}

using Change = std::function<void(Envelope&)>;

std::string broken_by(Envelope e, const Change& change) {
  change(e);
  return broken_rule(e).value_or("");
}

std::string refused(const std::function<void()>& action) {
  try {
    action();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

// A format of one record, to see what encode and decode ask of any other.
struct OneRecord final : Encoder, Decoder {
  Writer& begin(const Envelope& e, const OutgoingContext& c, std::string& out) override {
    envelope = e, versions.push_back(c.version);
    context = c.common ? *c.common : Context{};
    out = "encoded";
    return writer.emplace();
  }
  void end() override { value = writer->take(); }
  const Envelope& decode(std::string_view bytes) override {
    padding = std::string(bytes.data() + bytes.size(), value_padding);
    return envelope;
  }
  bool context_is_empty() override { return context.empty(); }
  void read_context(Context& out) override { out = context; }
  Reader& data() override { return reader.emplace(value); }

  Envelope envelope = {};
  Context context = {};
  std::vector<std::uint64_t> versions = {};
  std::optional<ValueWriter> writer = {};
  std::optional<ValueReader> reader = {};
  Value value = {};
  std::string padding = {};
};

}  // namespace

CAF_TEST(a_record_that_keeps_the_rules_breaks_none) {
  CAF_CHECK(!broken_rule(an_event()));
  CAF_CHECK(!broken_rule(a_response()));
  auto request = an_event();
  request.kind = Kind::request;
  request.partition_key = "";
  CAF_CHECK(!broken_rule(request));
}

CAF_TEST(a_broken_rule_names_field_and_value) {
  CAF_CHECK_EQUAL(broken_by(an_event(), [](Envelope& e) { e.ns = "web"; }),
                  "namespace: must start with urn:, unlike \"web\"");
  CAF_CHECK_EQUAL(broken_by(an_event(), [](Envelope& e) { e.source = "URN:web"; }),
                  "source: must start with urn:, unlike \"URN:web\"");
  CAF_CHECK_EQUAL(broken_by(an_event(), [](Envelope& e) { e.name = ""; }),
                  "name: must not be empty, as is \"\"");
  CAF_CHECK_EQUAL(broken_by(an_event(), [](Envelope& e) { e.version = "1.0"; }),
                  "version: must be a semantic version such as 1.0.0, not \"1.0\"");
  CAF_CHECK_EQUAL(broken_by(an_event(), [](Envelope& e) { e.uuid = "0b7c1f4e-3a52-1d86-9f10-2c6d8e4a7b35"; }),
                  "uuid: must be a UUID of version 4, not \"0b7c1f4e-3a52-1d86-9f10-2c6d8e4a7b35\"");
  CAF_CHECK_EQUAL(broken_by(an_event(), [](Envelope& e) { e.correlation_id = ""; }),
                  "correlation_id: must not be empty, as is \"\"");
  CAF_CHECK_EQUAL(broken_by(an_event(), [](Envelope& e) { e.kind = Kind::query; }),
                  "type: must be EVENT, REQUEST or RESPONSE, not \"QUERY\"");
  CAF_CHECK_EQUAL(broken_by(an_event(), [](Envelope& e) { e.date = latest_date + Duration(1); }),
                  "date_timestamp: must lie in the years 0001 to 9999, unlike 253402300800000 ms since 1970");
}

CAF_TEST(the_protocol_version_is_of_the_family_3) {
  for (std::string_view version : {"3.0.0", "3.4.0", "3.0.1", "3.999.0", "3.1.0-rc.1+build.05"}) {
    CAF_CHECK_EQUAL(broken_by(an_event(), [&](Envelope& e) { e.protocol_version = version; }), "");
  }
  for (std::string_view version : {"2.9.9", "4.0.0", "30.0.0"}) {
    CAF_CHECK_EQUAL(
        broken_by(an_event(), [&](Envelope& e) { e.protocol_version = version; }),
        "protocol_version: must be of the family >=3,<4, unlike \"" + std::string(version) + "\"");
  }
  CAF_CHECK_EQUAL(broken_by(an_event(), [](Envelope& e) { e.protocol_version = "3"; }),
                  "protocol_version: must be a semantic version such as 3.0.0, not \"3\"");
}

CAF_TEST(a_uuid_may_come_in_upper_case) {
  CAF_CHECK_EQUAL(broken_by(an_event(), [](Envelope& e) { e.uuid = "0B7C1F4E-3A52-4D86-9F10-2C6D8E4A7B35"; }),
                  "");
}

CAF_TEST(only_a_response_has_rules_for_destination_and_request) {
  CAF_CHECK_EQUAL(broken_by(an_event(), [](Envelope& e) { e.destination = "a.b", e.request_uuid = "x"; }),
                  "");
  CAF_CHECK_EQUAL(broken_by(a_response(), [](Envelope& e) { e.destination = "counter"; }),
                  "destination: must start with urn:, unlike \"counter\"");
  CAF_CHECK_EQUAL(broken_by(a_response(), [](Envelope& e) { e.destination = "urn:a.b"; }),
                  "destination: must be separated by : and contain no dot, unlike \"urn:a.b\"");
  CAF_CHECK_EQUAL(broken_by(a_response(), [](Envelope& e) { e.request_uuid = ""; }),
                  "request_uuid: must be a UUID, not \"\"");
}

CAF_TEST(a_message_caps_long_values_and_escapes_control_characters) {
  std::string longest(1000, 'x');
  auto message = broken_by(an_event(), [&](Envelope& e) { e.ns = longest; });
  CAF_CHECK_EQUAL(message, "namespace: must start with urn:, unlike \"" + std::string(80, 'x') + "...\"");
  CAF_CHECK_EQUAL(broken_by(an_event(), [](Envelope& e) { e.ns = "a\n\x1b[2J\"\\\x7f"; }),
                  "namespace: must start with urn:, unlike \"a\\n\\x1b[2J\\\"\\\\\\x7f\"");
}

CAF_TEST(a_message_is_printable_utf8_whatever_the_value) {
  auto shown = [](std::string_view value) {
    auto message = broken_by(an_event(), [&](Envelope& e) { e.ns = value; });
    return message.substr(sizeof("namespace: must start with urn:, unlike ") - 1);
  };
  CAF_CHECK_EQUAL(shown("Zürich €𝄞"), "\"Zürich €𝄞\"");
  CAF_CHECK_EQUAL(shown("\xff\xc0\x80\xed\xa0\x80"), "\"\\xff\\xc0\\x80\\xed\\xa0\\x80\"");
  CAF_CHECK_EQUAL(shown("\xc2\x9b\xe2\x80\xae"), "\"\\xc2\\x9b\\xe2\\x80\\xae\"");
  // Capped behind a whole character, not within it.
  CAF_CHECK_EQUAL(shown(std::string(79, 'x') + "üü"), "\"" + std::string(79, 'x') + "ü...\"");
}

CAF_TEST(a_version_follows_the_grammar_of_semver) {
  CAF_CHECK(parse_version("1.2.3") == (Version{1, 2, 3}));
  CAF_CHECK(parse_version("0.0.0") == (Version{0, 0, 0}));
  CAF_CHECK(parse_version("9999999999999999999.0.10") == (Version{9'999'999'999'999'999'999u, 0, 10}));
  for (auto text : {"1.2.3-alpha", "1.2.3-0.x-y.7", "1.2.3+05", "1.2.3-rc.1+b-1.a", "1.2.3--", "1.2.3-01a"}) {
    CAF_CHECK(parse_version(text) == (Version{1, 2, 3}));
  }
  for (auto text :
       {"",          "1",         "1.2",    "1.2.3.4", "01.2.3", "1.02.3",     "1.2.03",
        "v1.2.3",    "1.2.x",     "1..3",   "1.2.3-",  "1.2.3+", "1.2.3-a..b", "1.2.3-01",
        "1.2.3-a_b", "1.2.3+a+b", "1.2.3 ", " 1.2.3",  "-1.2.3", "1.2.3-a+",   "10000000000000000000.0.0"}) {
    CAF_CHECK(!parse_version(text));
  }
  CAF_CHECK((Version{1, 10, 0}) > (Version{1, 9, 9}));
}

CAF_TEST(a_type_is_spelled_in_capitals) {
  for (auto kind : {Kind::event, Kind::request, Kind::response}) CAF_CHECK(kind_of(to_string(kind)) == kind);
  for (auto text : {"", "event", "EVENTS", "QUERY"}) CAF_CHECK(!kind_of(text));
}

CAF_TEST(a_new_record_keeps_the_rules) {
  Record record(Kind::event, "urn:web", "Clicked", "urn:shop:web");
  CAF_CHECK(!broken_rule(record.envelope()));
  CAF_CHECK_EQUAL(record.protocol_version(), "3.0.0");
  CAF_CHECK_EQUAL(record.version(), "1.0.0");
  CAF_CHECK(record.correlation_id().starts_with("shop:web:Clicked:"));
  CAF_CHECK(!record.partition_key());
  CAF_CHECK(record.date() > *parse_iso8601("2024-01-01T00:00:00Z"));
  Record other(Kind::event, "urn:web", "Clicked", "urn:web");
  CAF_CHECK_NOT_EQUAL(record.uuid(), other.uuid());
}

CAF_TEST(a_record_is_not_made_of_what_breaks_a_rule) {
  CAF_CHECK(refused([] { Record(Kind::query, "urn:web", "Clicked", "urn:web"); }).starts_with("type: "));
  CAF_CHECK(refused([] { Record(Kind::event, "web", "Clicked", "urn:web"); }).starts_with("namespace: "));
  CAF_CHECK(refused([] { Record(Kind::event, "urn:web", "", "urn:web"); }).starts_with("name: "));
  CAF_CHECK(refused([] { Record(Kind::event, "urn:web", "Clicked", ""); }).starts_with("source: "));
  auto e = a_response();
  e.destination = "urn:a.b";
  CAF_CHECK(refused([&] { Record{e}; }).starts_with("destination: "));
}

CAF_TEST(a_setter_refuses_and_keeps_what_was_there) {
  Record record(a_response());
  CAF_CHECK(refused([&] { record.set_protocol_version("4.0.0"); }).starts_with("protocol_version: "));
  CAF_CHECK(refused([&] { record.set_version("one"); }).starts_with("version: "));
  CAF_CHECK(refused([&] { record.set_source("web"); }).starts_with("source: "));
  CAF_CHECK(refused([&] { record.set_uuid("1"); }).starts_with("uuid: "));
  CAF_CHECK(refused([&] { record.set_correlation_id(""); }).starts_with("correlation_id: "));
  CAF_CHECK(refused([&] { record.set_date(Instant::max()); }).starts_with("date: "));
  CAF_CHECK(refused([&] { record.set_destination("urn:a.b"); }).starts_with("destination: "));
  CAF_CHECK(refused([&] { record.set_request_uuid("1"); }).starts_with("request_uuid: "));
  CAF_CHECK_EQUAL(record.version(), "1.0.0");
  CAF_CHECK_EQUAL(record.uuid(), id);
  CAF_CHECK_EQUAL(record.destination(), "urn:counter");
  CAF_CHECK(!broken_rule(record.envelope()));
}

CAF_TEST(an_event_takes_no_members_of_a_response) {
  Record record(an_event());
  CAF_CHECK_EQUAL(refused([&] { record.set_destination("urn:counter"); }),
                  "destination: belongs to a RESPONSE only; refused \"urn:counter\"");
  CAF_CHECK(refused([&] { record.set_request_uuid(std::string(id)); }).starts_with("request_uuid: "));
  CAF_CHECK(refused([&] { record.set_refusal(1, "no"); }).starts_with("error_message: "));
  CAF_CHECK(record.ok());
}

CAF_TEST(a_record_is_a_copy_of_its_envelope) {
  auto e = a_response();
  e.protocol_version = "3.4.0", e.version = "2.1.0", e.source = "urn:api", e.date = Instant(Duration(-5));
  e.partition_key = "k", e.ok = false, e.error_code = -7, e.error_message = "sold out";
  Record record(e);
  auto copy = record.envelope();
  CAF_CHECK(copy.kind == e.kind && copy.ns == e.ns && copy.name == e.name && copy.source == e.source);
  CAF_CHECK(copy.protocol_version == e.protocol_version && copy.version == e.version && copy.uuid == e.uuid);
  CAF_CHECK(copy.correlation_id == e.correlation_id && copy.partition_key == e.partition_key &&
            copy.date == e.date);
  CAF_CHECK(copy.destination == e.destination && copy.request_uuid == e.request_uuid && copy.ok == e.ok);
  CAF_CHECK(copy.error_code == e.error_code && copy.error_message == e.error_message);
  CAF_CHECK(copy.name.data() != e.name.data());
}

CAF_TEST(a_refusal_is_not_ok) {
  Record record(a_response());
  record.set_refusal(404, "no such thing");
  CAF_CHECK(!record.ok());
  CAF_CHECK_EQUAL(record.error_code().value(), 404);
  CAF_CHECK_EQUAL(record.error_message().value(), "no such thing");
}

CAF_TEST(a_whole_record_goes_through_a_serializer_and_back) {
  OneRecord format;
  Record record(Kind::event, "urn:web", "Clicked", "urn:web");
  record.set_partition_key("k");
  record.context["urn:web"]["user"] = std::string("u1");
  record.data = {{"page", {std::string("/")}}, {"n", {std::int64_t{3}}}};
  CAF_CHECK_EQUAL(encode(record, format), "encoded");
  auto copy = decode("encoded", format);
  CAF_CHECK_EQUAL(copy.uuid(), record.uuid());
  CAF_CHECK_EQUAL(copy.partition_key().value(), "k");
  CAF_CHECK(copy.context == record.context);
  CAF_CHECK(copy.data == record.data);
  CAF_CHECK_EQUAL(format.padding, std::string(value_padding, '\0'));
}

CAF_TEST(each_record_has_a_context_version_of_its_own) {
  OneRecord format;
  Record record(an_event());
  for (int i = 0; i < 3; ++i) encode(record, format);
  CAF_CHECK(format.versions[0] >= first_version_of_encode);
  CAF_CHECK(format.versions[0] < format.versions[1] && format.versions[1] < format.versions[2]);
}

CAF_TEST(a_response_without_a_destination_is_not_encoded) {
  OneRecord format;
  Record record(Kind::response, "urn:catalog", "Price", "urn:catalog");
  CAF_CHECK(refused([&] { encode(record, format); }).starts_with("destination: "));
  record.set_destination("urn:counter");
  CAF_CHECK(refused([&] { encode(record, format); }).starts_with("request_uuid: "));
  record.set_request_uuid(std::string(id));
  CAF_CHECK_EQUAL(encode(record, format), "encoded");
}
