// Defaults of fields: accepted or refused when the schema is read, in one place, and then read and written as
// any other value.
#define CAF_SUITE avro_defaults

#include <caf/test/unit_test.hpp>

#include <string>

#include "tests/unit/avro/support.hpp"

using namespace eventy;
using namespace eventy::tests;
using namespace std::string_literals;

namespace {

std::string fields_with(const std::string& type, const std::string& otherwise) {
  return "[{name: n, type: " + type + ", default: " + otherwise + "}]";
}

std::string refusal(const std::string& data_fields) {
  const auto made = avro::AvroSerializer::from_texts({evsc("event", "Placed", data_fields)});
  return made ? "" : made.error().message;
}
std::string refusal(const std::string& type, const std::string& otherwise) {
  return refusal(fields_with(type, otherwise));
}

// A record whose schema has no fields, read by one with a default; and what is written where the field is
// absent.
Value read_default(const std::string& type, const std::string& otherwise) {
  const auto older = serializer({evsc("event", "Placed", "[]")}),
             newer = serializer({evsc("event", "Placed", fields_with(type, otherwise))});
  const auto record = record_of(Kind::event, "Placed");
  const auto read = decode(encode(record, *older->make_encoder()), *newer->make_decoder());
  const auto written = decode(encode(record, *newer->make_encoder()), *newer->make_decoder());
  CAF_CHECK(read.data == written.data);
  return read.data.at(0).second;
}

bool says(const std::string& error, std::string_view part) {
  const bool good = error.find(part) != error.npos;
  if (!good) CAF_MESSAGE("error: " << error);
  return good;
}

}  // namespace

CAF_TEST(a_default_outside_its_type_is_refused_when_the_schema_is_read) {
  CAF_CHECK(says(refusal("int", "2147483648"), "data.n: the default 2147483648 is not valid for type int"));
  CAF_CHECK(says(refusal("long", "9223372036854775808"),
                 "data.n: the default 9223372036854775808 is not valid for type long"));
  CAF_CHECK(says(refusal("long", "1.0"), "data.n: the default 1.0 is not valid for type long"));
  CAF_CHECK(says(refusal("float", "1.0e+300"), "data.n: the default 1e+300 is not valid for type float"));
  CAF_CHECK(says(refusal("string", "1"), "data.n: the default 1 is not valid for type string"));
  CAF_CHECK(says(refusal("int", "one"), "data.n: the default \"one\" is not valid for type int"));
  CAF_CHECK(says(refusal("double", ".nan"), "data.n: the default \".nan\" is not valid for type double"));
  CAF_CHECK(says(refusal("double", "null"), "data.n: the default null is not valid for type double"));
  CAF_CHECK(says(refusal("[\"null\", int]", "x"), "data.n: the default \"x\" fits no branch of the union"));
  CAF_CHECK(says(refusal("bytes", "\"\u0100\""), "is not valid for type bytes"));
  CAF_CHECK(says(refusal("{type: fixed, name: F, size: 2}", "abc"),
                 "data.n: the default \"abc\" is not valid for type fixed"));
  CAF_CHECK(says(refusal("{type: enum, name: E, symbols: [a]}", "b"),
                 "data.n: the default \"b\" is not valid for type enum"));
  CAF_CHECK(says(refusal("[{name: n, type: {type: enum, name: E, symbols: [a], default: b}}]"),
                 "data.n: the default b"));
  CAF_CHECK(says(refusal("[{name: n, type: {type: array, items: {type: record, name: R, fields: "
                         "[{name: x, type: int, default: y}]}}}]"),
                 "data.n.items.x: the default \"y\" is not valid for type int"));
}

CAF_TEST(numbers_that_64_bits_cannot_hold_are_refused_where_they_stand) {
  CAF_CHECK(says(refusal("long", "18446744073709551616"), "line 5: 18446744073709551616 is out of range"));
  CAF_CHECK(says(refusal("long", "-9223372036854775809"), "-9223372036854775809 is out of range"));
  CAF_CHECK(says(refusal("double", "1.0e+400"), "line 5: 1.0e+400 is out of range"));
  CAF_CHECK(says(refusal("double", "18446744073709551615"),
                 "data.n: the default 18446744073709551615 is not valid for type double"));
  CAF_CHECK(read_default("double", "9007199254740993") == Value{9007199254740992.0});
  CAF_CHECK(read_default("long", "-9223372036854775808") == Value{INT64_MIN});
}

CAF_TEST(a_default_may_be_of_any_branch_of_a_union) {
  const std::string maybe = "[\"null\", long, string]";
  CAF_CHECK(read_default(maybe, "null") == Value{});
  CAF_CHECK(read_default(maybe, "7") == Value{std::int64_t{7}});
  CAF_CHECK(read_default(maybe, "x") == Value{"x"s});
  CAF_CHECK(
      read_default("[{type: record, name: R, fields: [{name: a, type: int}]}, {type: map, values: int}]",
                   "{b: 1}") == Value{ValueMap{{"b", Value{std::int64_t{1}}}}});
}

CAF_TEST(a_default_is_read_and_written_as_any_other_value) {
  const std::string inner =
      "{type: record, name: R, fields: [{name: a, type: int, default: 5}, {name: b, type: string}]}";
  CAF_CHECK(read_default(inner, "{b: x}") ==
            Value{ValueMap{{"a", Value{std::int64_t{5}}}, {"b", Value{"x"s}}}});
  CAF_CHECK(read_default("{type: array, items: \"null\"}", "[null, null]") == Value{ValueList(2)});
  CAF_CHECK(read_default("float", "0.1") == Value{static_cast<double>(0.1F)});
  CAF_CHECK(read_default("{type: bytes, logicalType: decimal, precision: 4, scale: 2}", "\"\\xff\"") ==
            Value{"-0.01"s});
  CAF_CHECK(
      read_default(
          "{type: record, name: Tree, fields: [{name: kids, type: {type: array, items: Tree}, default: []}]}",
          "{kids: [{}, {}]}") ==
      Value{ValueMap{{"kids", Value{ValueList(2, Value{ValueMap{{"kids", Value{ValueList{}}}}})}}}});
}

CAF_TEST(a_default_that_holds_itself_is_refused_and_so_is_one_of_very_many_tries) {
  CAF_CHECK(
      says(refusal("[{name: n, type: {type: record, name: R, fields: [{name: r, type: R, default: {}}]}}]"),
           "data.n.r: the default contains itself"));
  std::string deep = "1";
  for (int i = 0; i < 40; ++i) deep = "{x: " + deep + "}";
  CAF_CHECK(says(
      refusal(
          "[{name: n, type: [{type: record, name: A, fields: [{name: x, type: [A, {type: record, name: B, "
          "fields: [{name: x, type: [A, B]}]}]}]}, B], default: " +
          deep + "}]"),
      "more than the limit"));
}

CAF_TEST(the_defaults_of_a_records_own_schema_concern_nobody) {
  const auto schema = [](const std::string& otherwise) {
    return schema_with(
        R"({"type":"record","name":"D","fields":[{"name":"n","type":"double","huge":1e400,"default":)" +
        otherwise + "}]}");
  };
  const std::string one = "\0\0\0\0\0\0\xf0\x3f"s;
  for (const auto* otherwise : {"\"x\"", "1e400", "-18446744073709551616", "1"}) {
    const auto record =
        decode(container(schema(otherwise), with_envelope(one)), *serializer({})->make_decoder());
    CAF_CHECK(record.data.at(0).second == Value{1.0});
  }
}
