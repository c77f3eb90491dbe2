// Every type of Avro, from structs and into them, and from values whose type is not known.
#define CAF_SUITE avro_values

#include <caf/test/unit_test.hpp>

#include <array>
#include <limits>
#include <map>
#include <string>

#include "tests/unit/avro/support.hpp"

using namespace eventy;
using namespace eventy::tests;
using namespace std::string_literals;

namespace {

enum class Colour : std::uint8_t { red, green };
constexpr std::array<std::string_view, 2> enum_names(Colour) { return {"red", "green"}; }

struct Line {
  std::string sku;
  std::vector<std::int32_t> counts = {};
  EVENTY_FIELDS(sku, counts);
};
struct Order {
  bool paid = false;
  std::int32_t small = 0;
  std::int64_t large = 0;
  float narrow = 0;
  double wide = 0;
  std::string word = {};
  std::vector<std::byte> raw = {}, four = {};
  Colour colour = Colour::red;
  std::vector<Line> lines = {};
  std::map<std::string, double> rates = {};
  std::optional<Line> gift = {};
  Instant day = {}, at = {}, exact = {}, written = {};
  std::string price = {};
  EVENTY_FIELDS(paid, small, large, narrow, wide, word, raw, four, colour, lines, rates, gift, day, at, exact,
                written, price);
};
const std::string order_fields = R"(
  - {name: paid, type: boolean}
  - {name: price, type: {type: bytes, logicalType: decimal, precision: 9, scale: 2}}
  - {name: small, type: int}
  - {name: large, type: long}
  - {name: narrow, type: float}
  - {name: wide, type: double}
  - {name: word, type: string}
  - {name: raw, type: bytes}
  - {name: four, type: {type: fixed, name: Four, size: 4}}
  - {name: colour, type: {type: enum, name: Colour, symbols: [blue, green, red]}}
  - {name: lines, type: {type: array, items: {type: record, name: Line, fields: [{name: sku, type: string}, {name: counts, type: {type: array, items: int}}]}}}
  - {name: rates, type: {type: map, values: double}}
  - {name: gift, type: ["null", Line]}
  - {name: day, type: {type: int, logicalType: date}}
  - {name: at, type: {type: long, logicalType: timestamp-millis}}
  - {name: exact, type: {type: long, logicalType: timestamp-micros}}
  - {name: written, type: string}
)";

std::shared_ptr<const avro::AvroSerializer> of(const std::string& data_fields) {
  return serializer({evsc("event", "Placed", data_fields)});
}

template <class T>
std::string bytes_of(const avro::AvroSerializer& format, const T& data) {
  auto record = record_of(Kind::event, "Placed");
  std::string bytes;
  auto encoder = format.make_encoder();
  write(encoder->begin(record.envelope(), {}, bytes), data);
  encoder->end();
  return bytes + std::string(value_padding, '\0');
}

template <class T>
T read_as(const avro::AvroSerializer& format, std::string_view bytes) {
  auto decoder = format.make_decoder();
  decoder->decode(bytes.substr(0, bytes.size() - value_padding));
  T out{};
  read(decoder->data(), out, Absent::is_error);
  return out;
}

// One field `v` of a type, written and read again.
template <class T>
struct One {
  T v{};
  EVENTY_FIELDS(v);
};
std::string field_of(const std::string& type) { return "[{name: v, type: " + type + "}]"; }
template <class To, class From>
To through(const std::string& type, const From& value) {
  const auto format = of(field_of(type));
  return read_as<One<To>>(*format, bytes_of(*format, One<From>{value})).v;
}
Value generic(const std::string& type, const Value& value) { return through<Value>(type, value); }
template <class From>
std::string refused(const std::string& type, const From& value) {
  return error_of<std::invalid_argument>([&] { through<Value>(type, value); });
}
template <class T>
T read_only(const std::string& type, const std::string& bytes) {
  const auto format = serializer({});
  const auto schema = R"({"type":"record","name":"D","fields":[{"name":"v","type":)" + type + "}]}";
  return read_as<One<T>>(*format, bytes_with(schema, bytes) + std::string(value_padding, '\0')).v;
}

const std::string decimal = "{type: bytes, logicalType: decimal, precision: 6, scale: 2}";

}  // namespace

CAF_TEST(a_struct_with_every_type_comes_back) {
  Order order{.paid = true,
              .small = std::numeric_limits<std::int32_t>::min(),
              .large = std::numeric_limits<std::int64_t>::max(),
              .narrow = 0.1f,
              .wide = -0.0,
              .word = "\xc3\xa9",
              .raw = {std::byte{0}, std::byte{255}},
              .four = std::vector<std::byte>(4, std::byte{7}),
              .colour = Colour::green,
              .lines = {{"a", {1, -1}}, {"", {}}},
              .rates = {{"", 1.5}, {"x", 1e300}},
              .gift = Line{"g", {3}},
              .day = Instant(Duration(-86'400'000)),
              .at = Instant(Duration(-1)),
              .exact = Instant(Duration(1767315845678)),
              .written = Instant(Duration(1767315845678)),
              .price = "-12.30"};
  const auto format = of(order_fields);
  const auto bytes = bytes_of(*format, order);
  const auto again = read_as<Order>(*format, bytes);
  CAF_CHECK(bytes_of(*format, again) == bytes);
  CAF_CHECK(again.paid);
  CAF_CHECK_EQUAL(again.small, order.small);
  CAF_CHECK_EQUAL(again.large, order.large);
  CAF_CHECK(again.narrow == order.narrow);
  CAF_CHECK(std::signbit(again.wide));
  CAF_CHECK(again.raw == order.raw && again.four == order.four);
  CAF_CHECK(again.colour == Colour::green);
  CAF_CHECK(again.lines.at(0).counts == order.lines[0].counts);
  CAF_CHECK(again.rates == order.rates);
  CAF_CHECK_EQUAL(again.gift.value().sku, "g");
  CAF_CHECK(again.day == order.day && again.at == order.at && again.exact == order.exact);
  CAF_CHECK(again.written == order.written);
  CAF_CHECK_EQUAL(again.price, "-12.30");
}

CAF_TEST(whoever_does_not_know_the_types_sees_what_the_peer_sees) {
  CAF_CHECK(generic("{type: int, logicalType: date}", {std::int64_t{-3}}) == Value{std::int64_t{-3}});
  CAF_CHECK(generic("{type: long, logicalType: timestamp-micros}", {std::int64_t{5}}) ==
            Value{std::int64_t{5}});
  CAF_CHECK(generic("{type: enum, name: E, symbols: [a, b]}", {"b"s}) == Value{"b"s});
  const std::vector<std::byte> raw{std::byte{4}, std::byte{0xd2}};
  CAF_CHECK(generic("bytes", {raw}) == Value{raw});
  CAF_CHECK(generic("{type: fixed, name: F, size: 2}", {raw}) == Value{raw});
  CAF_CHECK(generic(decimal, {raw}) == Value{"12.34"s});
}

CAF_TEST(numbers_keep_every_digit_or_are_refused) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  CAF_CHECK_EQUAL((through<std::int64_t>("long", most)), most);
  CAF_CHECK_EQUAL((through<double>("double", std::int64_t{1} << 53)), 9007199254740992.0);
  CAF_CHECK_EQUAL(refused("double", (std::int64_t{1} << 53) + 1),
                  "v: 9007199254740993 has more digits than a double");
  CAF_CHECK_EQUAL(refused("double", most), "v: 9223372036854775807 has more digits than a double");
  CAF_CHECK_EQUAL(refused("float", (1 << 24) + 1), "v: 16777217 has more digits than a float");
  CAF_CHECK_EQUAL(refused("int", std::int64_t{1} << 31), "v: 2147483648 is out of range");
  CAF_CHECK_EQUAL(refused("long", std::uint64_t{1} << 63), "v: 9223372036854775808 is out of range");
  CAF_CHECK(refused("float", 1e39).ends_with("is out of range"));
  CAF_CHECK(std::isnan(through<double>("float", std::numeric_limits<double>::quiet_NaN())));
  CAF_CHECK(std::isinf(through<double>("float", std::numeric_limits<double>::infinity())));
}

CAF_TEST(a_value_of_another_type_is_refused_with_its_path) {
  CAF_CHECK_EQUAL(refused("string", 1), "v: the schema requires string, not an integer");
  CAF_CHECK_EQUAL(refused("boolean", "yes"s), "v: the schema requires boolean, not text");
  CAF_CHECK_EQUAL(refused("long", 1.0), "v: the schema requires long, not a real");
  CAF_CHECK_EQUAL(refused("{type: array, items: int}", std::vector<std::string>{"a"}),
                  "v[0]: the schema requires int, not text");
  CAF_CHECK_EQUAL(refused("{type: map, values: int}", std::map<std::string, bool>{{"a.b", true}}),
                  "v.a.b: the schema requires int, not a boolean");
  CAF_CHECK_EQUAL(refused("{type: fixed, name: F, size: 2}", std::vector<std::byte>(3)),
                  "v: must have 2 bytes, not 3");
  CAF_CHECK_EQUAL(refused("{type: enum, name: E, symbols: [a]}", "b"s),
                  "v: \"b\" is not a name of this enum");
  CAF_CHECK_EQUAL(refused("string", "\xff"s), "v: a text is not UTF-8");
  CAF_CHECK_EQUAL(refused("{type: map, values: int}", std::map<std::string, int>{{"\xff", 1}}).substr(0, 2),
                  "v.");
}

CAF_TEST(dates_are_whole_days_towards_the_past) {
  const auto day = "{type: int, logicalType: date}"s;
  constexpr std::int64_t ms = 86'400'000;
  for (const std::int64_t at : {std::int64_t{0}, ms - 1, std::int64_t{-1}, -ms, -ms - 1}) {
    const auto floor = at / ms - (at % ms < 0);
    CAF_CHECK_EQUAL((through<std::int64_t>(day, Instant(Duration(at)))), floor);
    CAF_CHECK((through<Instant>(day, Instant(Duration(at))) == Instant(Duration(floor * ms))));
  }
  CAF_CHECK_EQUAL((through<std::int64_t>(day, "2026-01-02"s)), 20455);
  CAF_CHECK_EQUAL(refused("int", Instant()), "v: the schema requires int, not an instant");
  CAF_CHECK_EQUAL(
      (through<std::int64_t>("{type: long, logicalType: timestamp-millis}", "1970-01-01T00:00:01Z"s)), 1000);
  CAF_CHECK((read_only<Instant>(R"({"type":"long","logicalType":"timestamp-micros"})", number(-1)) ==
             Instant(Duration(-1))));
  CAF_CHECK((read_only<Instant>(R"({"type":"long","logicalType":"timestamp-nanos"})", number(-1)) ==
             Instant(Duration(-1))));
  CAF_CHECK(refused("{type: long, logicalType: timestamp-micros}", Instant(Duration(INT64_MAX / 10)))
                .ends_with("is out of range"));
}

CAF_TEST(decimals_are_texts_numbers_or_bytes) {
  for (const auto* text :
       {"0.00", "12.34", "-12.34", "-0.01", "9999.99", "-9999.99", "1.28", "-1.28", "-1.29", "327.68"}) {
    CAF_CHECK_EQUAL((through<std::string>(decimal, std::string(text))), text);
    CAF_CHECK_EQUAL(
        (through<std::string>("{type: fixed, name: F, size: 8, logicalType: decimal, precision: 6, scale: 2}",
                              std::string(text))),
        text);
    CAF_CHECK_EQUAL((through<double>(decimal, std::string(text))), std::stod(text));
  }
  CAF_CHECK_EQUAL((through<std::string>(decimal, 12.5)), "12.50");
  CAF_CHECK_EQUAL((through<std::string>(decimal, "1.2e1"s)), "12.00");
  CAF_CHECK_EQUAL((through<std::string>(decimal, std::int64_t{-7})), "-7.00");
  CAF_CHECK_EQUAL((through<std::int64_t>(decimal, "7"s)), 7);
  CAF_CHECK_EQUAL((through<std::string>(decimal, std::vector<std::byte>{std::byte{0xff}})), "-0.01");
  for (const auto* text : {"1.234", "10000.00", "twelve", "--1", "1.2.3", "."})
    CAF_CHECK_EQUAL(refused(decimal, std::string(text)),
                    "v: must be a decimal of at most 6 digits, 2 of them after the point");
  const auto again = [](double v) { return refused(decimal, v); };
  CAF_CHECK_EQUAL(again(0.125), "v: must be a decimal of at most 6 digits, 2 of them after the point");
}

CAF_TEST(a_decimal_that_its_digits_do_not_tell_stays_bytes) {
  const auto type = R"({"type":"bytes","logicalType":"decimal","precision":6,"scale":2})"s;
  const std::vector<std::byte> padded{std::byte{0}, std::byte{1}};
  CAF_CHECK(read_only<Value>(type, sized("\0\x01"s)) == Value{padded});
  CAF_CHECK(read_only<Value>(type, sized("")) == Value{std::vector<std::byte>{}});
  CAF_CHECK_EQUAL((read_only<std::string>(type, sized("\0\x01"s))), "0.01");
  CAF_CHECK(read_only<Value>(type, sized("\x01")) == Value{"0.01"s});
}

// As the specification has it of what makes no sense in a logical type.
CAF_TEST(a_decimal_of_a_scale_that_is_none_is_its_bytes) {
  for (const auto* scale : {"-2", "7", "\"2\"", "1.5"}) {
    const auto type =
        R"({"type":"bytes","logicalType":"decimal","precision":6,"scale":)" + std::string(scale) + "}";
    CAF_CHECK(read_only<Value>(type, sized("\x01")) == Value{std::vector<std::byte>{std::byte{1}}});
    CAF_CHECK(
        error_of<DecodeError>([&] { read_only<double>(type, sized("\x01")); }).starts_with("v: must be"));
  }
  CAF_CHECK_EQUAL(
      (read_only<std::string>(R"({"type":"bytes","logicalType":"decimal","precision":6})", sized("\x01"))),
      "1");
}

CAF_TEST(bytes_may_come_as_base64) {
  CAF_CHECK(
      (through<Value>("bytes", "BNI="s) == Value{std::vector<std::byte>{std::byte{4}, std::byte{0xd2}}}));
  CAF_CHECK((through<Value>("bytes", ""s) == Value{std::vector<std::byte>{}}));
  CAF_CHECK_EQUAL(refused("bytes", "BNI"s), "v: must be bytes, or base64 text");
  CAF_CHECK_EQUAL(refused("bytes", "BNJ="s), "v: must be bytes, or base64 text");
}

CAF_TEST(a_union_takes_the_branch_that_keeps_the_value) {
  CAF_CHECK(generic("[\"null\", string]", {}) == Value{});
  CAF_CHECK(generic("[long, double]", {std::int64_t{5}}) == Value{std::int64_t{5}});
  CAF_CHECK(generic("[long, double]", {5.0}) == Value{5.0});
  CAF_CHECK(generic("[double, long]", {std::int64_t{5}}) == Value{std::int64_t{5}});
  CAF_CHECK(generic("[double, float]", {0.1}) == Value{0.1});
  CAF_CHECK(generic("[int, string]", {"5"s}) == Value{"5"s});
  CAF_CHECK(generic("[bytes, string]", {"AAAA"s}) == Value{"AAAA"s});
  CAF_CHECK(generic("[\"null\", boolean, {type: array, items: int}]", {ValueList{{std::int64_t{1}}}}) ==
            Value{ValueList{{std::int64_t{1}}}});
  CAF_CHECK_EQUAL(refused("[\"null\", string]", 1),
                  "v: the schema requires one of null, string, not an integer");
}

CAF_TEST(a_union_of_records_takes_the_one_that_fits) {
  const auto type =
      "[{type: record, name: A, fields: [{name: x, type: int}]}, {type: record, name: B, fields: "
      "[{name: x, type: string}, {name: y, type: [\"null\", int]}]}, {type: map, values: boolean}]"s;
  for (const Value& value :
       {Value{ValueMap{{"x", {std::int64_t{1}}}}}, Value{ValueMap{{"x", {"t"s}}, {"y", {}}}},
        Value{ValueMap{{"x", {"t"s}}, {"y", {std::int64_t{1}}}}}, Value{ValueMap{{"z", {true}}}}})
    CAF_CHECK(generic(type, value) == value);
}

CAF_TEST(fields_come_in_any_order_and_may_be_absent) {
  const auto format =
      of("[{name: a, type: int}, {name: b, type: [\"null\", int]}, {name: c, type: string, default: "
         "\"d\u00e9\"}, "
         "{name: d, type: {type: array, items: int}, default: [1, 2]}]");
  const auto data = [&](ValueMap map) { return read_as<ValueMap>(*format, bytes_of(*format, map)); };
  const Value one{std::int64_t{1}}, two{std::int64_t{2}};
  CAF_CHECK(data({{"c", {"t"s}}, {"b", two}, {"a", one}}) ==
            ValueMap({{"a", one}, {"b", two}, {"c", {"t"s}}, {"d", {ValueList{one, two}}}}));
  CAF_CHECK(data({{"a", one}}) ==
            ValueMap({{"a", one}, {"b", {}}, {"c", {"d\u00e9"s}}, {"d", {ValueList{one, two}}}}));
  const auto error = [&](ValueMap map) { return error_of<EncodeError>([&] { bytes_of(*format, map); }); };
  CAF_CHECK_EQUAL(error({{"b", one}}), "a: this member is missing");
  CAF_CHECK_EQUAL(error({{"a", one}, {"x", one}}), "x: the schema has no such field");
  CAF_CHECK_EQUAL(error({{"a", one}, {"a", one}}), "a: this member occurs twice");
}

CAF_TEST(a_type_may_hold_itself) {
  const auto type =
      "{type: record, name: Tree, fields: [{name: n, type: int}, {name: next, type: [\"null\", Tree]}]}"s;
  Value value{ValueMap{{"n", {std::int64_t{0}}}, {"next", {}}}};
  for (std::int64_t i = 1; i < 20; ++i) value = {ValueMap{{"n", {i}}, {"next", value}}};
  CAF_CHECK(generic(type, value) == value);
}

CAF_TEST(text_is_wanted_where_an_integer_is) {
  CAF_CHECK_EQUAL(error_of<DecodeError>([] { read_only<std::string>(R"("int")", number(1)); }),
                  "v: must be text, not an integer");
  CAF_CHECK_EQUAL(error_of<DecodeError>([] { read_only<std::uint8_t>(R"("int")", number(-1)); }),
                  "v: -1 is out of range");
  CAF_CHECK_EQUAL(error_of<DecodeError>([] { read_only<Colour>(R"("string")", sized("mauve")); }),
                  "v: \"mauve\" is not a name of this enum");
}
