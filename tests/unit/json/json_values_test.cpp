// Any value as JSON, without an envelope.
#define CAF_SUITE json_values

#include <caf/test/unit_test.hpp>

#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "eventy/json/json.hpp"
#include "support/throws.hpp"

using namespace eventy;
using eventy::tests::throws;

namespace {

enum class Colour : std::uint8_t { red, green };
constexpr std::array<std::string_view, 2> enum_names(Colour) { return {"red", "green"}; }

struct Inner {
  std::string name;
  std::map<std::string, std::int32_t> counts;
  EVENTY_FIELDS(name, counts);
  bool operator==(const Inner&) const = default;
};

struct Everything {
  bool yes = false;
  std::int8_t small = 0;
  std::int64_t low = 0;
  std::uint64_t high = 0;
  double real = 0;
  float single = 0;
  std::string text;
  Instant date;
  std::vector<std::byte> bytes;
  Colour colour = Colour::red;
  std::optional<std::string> maybe, none;
  std::vector<Inner> list;
  std::vector<bool> flags;
  EVENTY_FIELDS(yes, small, low, high, real, single, text, date, bytes, colour, maybe, none, list, flags);
  bool operator==(const Everything&) const = default;
};

Everything example() {
  return {.yes = true,
          .small = -128,
          .low = std::numeric_limits<std::int64_t>::min(),
          .high = std::numeric_limits<std::uint64_t>::max(),
          .real = -0.1,
          .single = 2,
          .text = std::string("q\" b\\ \n\x01 \0 \xc3\xa9 /", 15),
          .date = Instant(Duration(-5)),
          .bytes = {std::byte{0}, std::byte{255}, std::byte{62}, std::byte{1}},
          .colour = Colour::green,
          .maybe = "",
          .none = {},
          .list = {{"a", {{"x", 1}, {"", -1}}}, {"", {}}},
          .flags = {true, false}};
}

template <class T>
T read_as(std::string_view data) {  // through a record: a Reader exists only there
  Envelope e;
  e.ns = "urn:a", e.name = "A", e.version = "1.0.0", e.source = "urn:a", e.correlation_id = "c";
  e.uuid = "0d6a7d4f-8a54-4b52-9d4b-3f1f3c2b1a09";
  std::string text;
  auto encoder = json::serializer()->make_encoder();
  encoder->begin(e, {}, text).open_map(0);
  encoder->end();
  text.resize(text.rfind("\"data\"") + 7);
  text.append(data).append("}");
  auto size = text.size();
  text.append(value_padding, ' ');
  auto decoder = json::serializer()->make_decoder();
  decoder->decode(std::string_view(text).substr(0, size));
  T out;
  read(decoder->data(), out, Absent::is_error);
  return out;
}

template <class T>
struct One {
  T v{};
  EVENTY_FIELDS(v);
};

template <class T>
std::string refusal_of(std::string_view value) {
  try {
    read_as<One<T>>("{\"v\":" + std::string(value) + "}");
  } catch (const DecodeError& e) {
    return e.what();
  }
  return "";
}

template <class T>
T one(std::string_view value) {
  return read_as<One<T>>("{\"v\":" + std::string(value) + "}").v;
}

}  // namespace

CAF_TEST(writes_each_kind_of_value_compactly) {
  CAF_CHECK_EQUAL(
      json::to_text(example()),
      R"({"yes":true,"small":-128,"low":-9223372036854775808,"high":18446744073709551615,"real":-0.1,)"
      R"("single":2.0,"text":"q\" b\\ \n\u0001 \u0000 )"
      "\xc3\xa9 /"
      R"(","date":-5,"bytes":"AP8+AQ==","colour":"green","maybe":"","none":null,)"
      R"("list":[{"name":"a","counts":{"":-1,"x":1}},{"name":"","counts":{}}],"flags":[true,false]})");
}

CAF_TEST(reads_each_kind_of_value_back) {
  CAF_CHECK(read_as<Everything>(json::to_text(example())) == example());
}

CAF_TEST(a_real_is_written_so_that_it_comes_back_as_the_same_real) {
  CAF_CHECK_EQUAL(json::to_text(1.0), "1.0");
  CAF_CHECK_EQUAL(json::to_text(-0.0), "-0.0");
  CAF_CHECK_EQUAL(json::to_text(1e22), "1e+22");
  CAF_CHECK_EQUAL(json::to_text(5e-324), "5e-324");
  auto seed = std::random_device()();
  CAF_MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  int different = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    auto again = json::parse(json::to_text(value));
    different +=
        std::bit_cast<std::uint64_t>(std::get<double>(again.is)) != std::bit_cast<std::uint64_t>(value);
  }
  CAF_CHECK_EQUAL(different, 0);
}

CAF_TEST(integers_keep_all_64_bits_and_none_more) {
  CAF_CHECK_EQUAL(one<std::int64_t>("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  CAF_CHECK_EQUAL(one<std::int64_t>("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  CAF_CHECK_EQUAL(one<std::uint64_t>("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  CAF_CHECK_EQUAL(one<std::uint64_t>("9223372036854775807"), 9223372036854775807u);
  CAF_CHECK_EQUAL(refusal_of<std::int64_t>("9223372036854775808"), "v: 9223372036854775808 is out of range");
  CAF_CHECK_EQUAL(refusal_of<std::uint64_t>("-1"), "v: -1 is out of range");
  CAF_CHECK_EQUAL(refusal_of<std::int8_t>("128"), "v: 128 is out of range");
  for (auto number :
       {"18446744073709551616", "-9223372036854775809", "1e400", "-1e400", "01", "1.", ".5", "+1"}) {
    CAF_CHECK_NOT_EQUAL(refusal_of<double>(number), "");
  }
}

CAF_TEST(a_real_takes_an_integer_and_an_integer_no_real) {
  CAF_CHECK_EQUAL(one<double>("3"), 3.0);
  CAF_CHECK_EQUAL(one<double>("18446744073709551615"), 18446744073709551615.0);
  CAF_CHECK_EQUAL(one<double>("-2"), -2.0);
  CAF_CHECK_EQUAL(refusal_of<std::int64_t>("1.0"), "v: must be an integer, not a real");
  CAF_CHECK_EQUAL(refusal_of<double>("\"1\""), "v: must be a number, not text");
  CAF_CHECK_EQUAL(refusal_of<double>("null"), "v: must be a number, not null");
}

CAF_TEST(a_number_that_64_bits_cannot_hold_concerns_only_who_reads_it) {
  struct Some {
    std::int64_t n = 0;
    double x = 0;
    std::string text;
    EVENTY_FIELDS(n, x, text);
  };
  const auto some = read_as<Some>(
      R"({"n":-7,"huge":123456789012345678901234567890,"deep":{"list":[1,1e400,{"a":-18446744073709551616}]},)"
      R"("x":2.5,"last":-1E999,"text":"1e400 \" 99999999999999999999"})");
  CAF_CHECK_EQUAL(some.n, -7);
  CAF_CHECK_EQUAL(some.x, 2.5);
  CAF_CHECK_EQUAL(some.text, "1e400 \" 99999999999999999999");
  CAF_CHECK_EQUAL(refusal_of<std::int64_t>("18446744073709551616"),
                  "v: must be an integer, not a number that 64 bits cannot hold");
  CAF_CHECK_EQUAL(refusal_of<std::uint64_t>("-9223372036854775809"),
                  "v: must be an integer, not a number that 64 bits cannot hold");
  CAF_CHECK_EQUAL(refusal_of<double>("1e400"), "v: must be a number, not a number that 64 bits cannot hold");
  CAF_CHECK_EQUAL(refusal_of<std::vector<double>>("[1.5,-1e400]"),
                  "v[1]: must be a number, not a number that 64 bits cannot hold");
  CAF_CHECK_EQUAL(refusal_of<std::string>("1e400"), "v: must be text, not a number that 64 bits cannot hold");
  CAF_CHECK_EQUAL(refusal_of<std::optional<double>>("1e400"),
                  "v: must be a number, not a number that 64 bits cannot hold");
  CAF_CHECK(refusal_of<Value>("[1e400]").starts_with("v[0]: must be a value"));
  CAF_CHECK_EQUAL(one<double>("1e-400"), 0);
  CAF_CHECK(refusal_of<double>("1e400,\"w\":01").starts_with("not JSON"));
}

CAF_TEST(what_json_has_no_number_for_is_refused_on_writing) {
  for (double value : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    CAF_CHECK(throws<std::invalid_argument>([&] { json::to_text(value); }));
  }
  for (auto text : {"NaN", "Infinity", "-Infinity"})
    CAF_CHECK(throws<DecodeError>([&] { json::parse(text); }));
}

CAF_TEST(an_instant_is_read_from_milliseconds_and_from_text) {
  CAF_CHECK_EQUAL(one<Instant>("-1").time_since_epoch().count(), -1);
  CAF_CHECK_EQUAL(one<Instant>("\"1970-01-01T00:00:01.5Z\"").time_since_epoch().count(), 1500);
  CAF_CHECK_EQUAL(refusal_of<Instant>("\"yesterday\""),
                  "v: must be a date in ISO 8601 of the years 0001 to 9999, not \"yesterday\"");
  CAF_CHECK_NOT_EQUAL(refusal_of<Instant>("1.5"), "");
}

CAF_TEST(bytes_have_one_spelling_in_base64) {
  using Bytes = std::vector<std::byte>;
  for (std::size_t size = 0; size < 70; ++size) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 37 + size);
    CAF_CHECK(one<Bytes>(json::to_text(bytes)) == bytes);
  }
  CAF_CHECK_EQUAL(json::to_text(Bytes{std::byte{'f'}, std::byte{'o'}}), "\"Zm8=\"");
  for (auto text : {"Zm8", "Zm9=", "Zm8==", "=m8=", "Z===", "====", "Zm-_", "Zm8=Zm8=", " Zm8=", "Zm8=\\n"}) {
    CAF_CHECK_NOT_EQUAL(refusal_of<Bytes>("\"" + std::string(text) + "\""), "");
  }
  CAF_CHECK_NOT_EQUAL(refusal_of<Bytes>("[1]"), "");
}

CAF_TEST(texts_of_every_length_and_with_every_character_come_back) {
  int different = 0;
  for (std::size_t size = 0; size < 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int c = 0; c < 128; ++c) {
        std::string text(size, 'x');
        text[at] = static_cast<char>(c);
        different += std::get<std::string>(json::parse(json::to_text(text)).is) != text;
      }
    }
  }
  CAF_CHECK_EQUAL(different, 0);
  CAF_CHECK_EQUAL(json::to_text("\x7f\b\f\r\t\x1f/"), "\"\x7f\\b\\f\\r\\t\\u001f/\"");
}

CAF_TEST(text_that_is_not_utf8_is_refused_both_ways) {
  for (std::string bad : {"\xff", "abcdefgh\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
    CAF_CHECK(throws<std::invalid_argument>([&] { json::to_text(bad); }));
    CAF_CHECK(throws<DecodeError>([&] { json::parse("\"" + bad + "\""); }));
  }
  for (auto half : {R"("\ud83d")", R"("\ude00")", R"("\ud83dx")", R"("\ud83d\u0041")", R"("\ude00\ud83d")"}) {
    CAF_CHECK(throws<DecodeError>([&] { json::parse(half); }));
  }
}

CAF_TEST(a_writer_writes_one_value_after_the_other_into_a_text_that_is_always_complete) {
  std::string out = "> ";
  auto writer = json::make_writer(out);
  writer->integer(1);
  CAF_CHECK_EQUAL(out, "> 1");
  out += ' ';
  write(*writer, std::vector<int>{2, 3});
  CAF_CHECK_EQUAL(out, "> 1 [2,3]");
  out.clear();
  write(*writer, Value{ValueMap{{"a", {ValueMap{}}}, {"b", {ValueList{}}}}});
  CAF_CHECK_EQUAL(out, R"({"a":{},"b":[]})");
  std::string large(100'000, 'a');
  write(*writer, large);
  CAF_CHECK_EQUAL(out, R"({"a":{},"b":[]}")" + large + "\"");
}

CAF_TEST(parses_a_text_of_any_type_to_a_value) {
  CAF_CHECK(json::parse(" null ").is == Value{}.is);
  CAF_CHECK(json::parse("17") == Value{std::int64_t{17}});
  CAF_CHECK(json::parse("\"x\"") == Value{std::string("x")});
  CAF_CHECK(json::parse(R"([true,{"a":-1.5}])") == Value(ValueList{{true}, {ValueMap{{"a", {-1.5}}}}}));
  for (auto text : {"", " ", "{", "}", "[1,]", "{\"a\"}", "{\"a\":1,}", "{1:2}", "tru", "\"", "1 2", "{} {}",
                    "[]]", "'a'", "\xef\xbb\xbf{}", "{\"a\":1}x", "\"\n\"", "nul\0"}) {
    CAF_CHECK(throws<DecodeError>([&] { json::parse(text); }));
  }
}

CAF_TEST(a_wrong_value_is_named_by_its_path) {
  try {
    read_as<Everything>(R"({"list":[{"name":"","counts":{}},{"name":"","counts":{"x":true}}]})");
    CAF_ERROR("was read");
  } catch (const DecodeError& e) {
    CAF_CHECK_EQUAL(std::string(e.what()), "list[1].counts.x: must be an integer, not a boolean");
  }
}
