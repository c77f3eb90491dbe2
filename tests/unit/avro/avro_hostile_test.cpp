// Schemas that say little and mean much.
#define CAF_SUITE avro_hostile

#include <caf/test/unit_test.hpp>

#include <string>

#include "tests/unit/avro/support.hpp"

using namespace eventy;
using namespace eventy::tests;

namespace {

std::string error_of_record(std::string_view data_type, std::string_view data,
                            const DecodeLimits& limits = {}) {
  const auto decoder = serializer({})->make_decoder(limits);
  return error_of<DecodeError>([&] { decode(bytes_with(data_type, data), *decoder); });
}
std::string error_of_schema(const std::string& data_fields) {
  const auto made = avro::AvroSerializer::from_texts({evsc("event", "Placed", data_fields)});
  return made ? "" : made.error().message;
}
bool says(const std::string& text, std::string_view part) {
  CAF_MESSAGE(text);
  return text.find(part) != std::string::npos;
}

// A list of so many values, each of the byte 0.
std::string list_of(std::int64_t count) {
  return number(count) + std::string(static_cast<std::size_t>(count), '\0') + number(0);
}
const std::string long_text(1'500, 's');

}  // namespace

CAF_TEST(names_and_symbols_that_are_meant_often_are_held_to_the_limit_of_bytes) {
  const auto symbols =
      R"({"type":"array","items":{"type":"enum","name":"E","symbols":[")" + long_text + R"("]}})";
  const auto names = R"({"type":"array","items":{"type":"record","name":"I","fields":[{"name":")" +
                     long_text + R"(","type":"boolean"}]}})";
  for (const auto& type : {symbols, names}) {
    const auto data = R"({"type":"record","name":"D","fields":[{"name":"a","type":)" + type + "}]}";
    const DecodeLimits limits{.max_bytes = 100'000};
    CAF_CHECK_EQUAL(error_of_record(data, list_of(60), limits), "");
    CAF_CHECK(says(error_of_record(data, list_of(70), limits), "more than the limit of 100000 bytes"));
  }
}

CAF_TEST(decimals_of_many_digits_are_held_to_the_limit_of_bytes) {
  const std::string data =
      R"({"type":"record","name":"D","fields":[{"name":"a","type":{"type":"array","items":)"
      R"({"type":"bytes","logicalType":"decimal","precision":300,"scale":300}}}]})";
  std::string values = number(400);
  for (int i = 0; i < 400; ++i) values += number(1) + "\1";
  CAF_CHECK_EQUAL(error_of_record(data, values + number(0), {.max_bytes = 120'000}), "");
  CAF_CHECK(says(error_of_record(data, values + number(0), {.max_bytes = 119'999}), "more than the limit"));
}

CAF_TEST(records_of_nothing_are_no_more_than_the_bytes_of_the_record) {
  std::string type = R"({"type":"record","name":"L0","fields":[{"name":"n","type":"null"}]})";
  for (int level = 1; level <= 12; ++level) {
    const auto inner = "\"L" + std::to_string(level - 1) + "\"";
    type = R"({"type":"record","name":"L)" + std::to_string(level) + R"(","fields":[{"name":"a","type":)" +
           type + R"(},{"name":"b","type":)" + inner + "}]}";
    if (level == 4) CAF_CHECK_EQUAL(error_of_record(type, ""), "");
  }
  CAF_CHECK(says(error_of_record(type, ""), "too many elements that take no bytes"));
}

namespace {

// Fields that each hold the one before twice, by defaults.
std::string doubled_defaults(int levels) {
  std::string fields =
      "[{name: r0, type: {type: record, name: R0, fields: [{name: a, type: long, default: 1}]}}";
  for (int i = 1; i < levels; ++i) {
    const auto inner = "R" + std::to_string(i - 1);
    fields += ", {name: r" + std::to_string(i) + ", type: {type: record, name: R" + std::to_string(i) +
              ", fields: [{name: a, type: " + inner + ", default: {}}, {name: b, type: " + inner +
              ", default: {}}]}, default: {}}";
  }
  return fields + "]";
}

}  // namespace

CAF_TEST(defaults_that_come_to_very_many_bytes_are_refused_with_their_schema) {
  CAF_CHECK(says(error_of_schema(doubled_defaults(24)), "the defaults of the schema are more than"));
}

CAF_TEST(defaults_that_the_reader_adds_count_as_elements) {
  const auto format = serializer({evsc("event", "Placed", doubled_defaults(18))});
  auto schema = schema_with(R"({"type":"record","name":"D","fields":[{"name":"r0","type":)"
                            R"({"type":"record","name":"R0","fields":[{"name":"a","type":"long"}]}}]})");
  schema.replace(schema.find("\"R\""), 3, R"("Placed","namespace":"my_shop.orders")");
  const auto bytes = container(schema, with_envelope(number(7)));
  const auto decoder = format->make_decoder({.max_elements = 1u << 18});
  const auto error = error_of<DecodeError>([&] { decode(bytes, *decoder); });
  CAF_CHECK(says(error, "more elements (members and items) than the limit"));
}

CAF_TEST(a_schema_that_names_itself_by_an_alias_is_refused) {
  CAF_CHECK(says(error_of_schema("\n- &a {name: n, type: *a}"), "nested too deep"));
  CAF_CHECK(says(error_of_schema("&a [*a]"), "nested too deep"));
}

CAF_TEST(a_schema_that_names_a_large_value_many_times_is_refused) {
  std::string values = "\n- &a0 [x]\n", texts = "\n- &t \"" + std::string(100'000, 'x') + "\"\n";
  for (int i = 1; i < 9; ++i) {
    const auto inner = "*a" + std::to_string(i - 1);
    values += "- &a" + std::to_string(i) + " [";
    for (int times = 0; times < 9; ++times) values += inner + " , ";
    values += inner + " ]\n";
  }
  for (int times = 0; times < 50; ++times) texts += "- *t\n";
  CAF_CHECK(says(error_of_schema(values), "too many values"));
  CAF_CHECK(says(error_of_schema(texts), "too much text"));
  CAF_CHECK(says(error_of_schema("\n" + std::string(2 << 20, '#')), "more than the limit"));
}
