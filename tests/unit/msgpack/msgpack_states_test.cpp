// States in MessagePack, and any value.
#define CAF_SUITE msgpack_states

#include <caf/test/unit_test.hpp>

#include <limits>
#include <random>
#include <string>

#include "eventy/msgpack/msgpack.hpp"
#include "support/throws.hpp"

using namespace eventy;
using eventy::tests::throws;
using namespace std::string_literals;

namespace {

enum class Colour : std::uint8_t { red, green };
constexpr std::array<std::string_view, 2> enum_names(Colour) { return {"red", "green"}; }

struct Leg {
  std::string to;
  std::map<std::string, std::int32_t> counts;
  EVENTY_FIELDS(to, counts);
  bool operator==(const Leg&) const = default;
};

struct Everything {
  bool yes = false;
  std::int64_t low = 0;
  std::uint64_t high = 0;
  double real = 0;
  float single = 0;
  std::string text;
  Instant date;
  std::vector<std::byte> bytes;
  Colour colour = Colour::red;
  std::optional<std::string> maybe, none;
  std::vector<Leg> legs;
  EVENTY_FIELDS(yes, low, high, real, single, text, date, bytes, colour, maybe, none, legs);
  bool operator==(const Everything&) const = default;
};

Everything example() {
  return {.yes = true,
          .low = std::numeric_limits<std::int64_t>::min(),
          .high = std::numeric_limits<std::uint64_t>::max(),
          .real = -0.1,
          .single = 2.5,
          .text = "q \0 \xc3\xa9 \xf0\x9f\x98\x80"s,
          .date = Instant(Duration(-5)),
          .bytes = {std::byte{0}, std::byte{255}},
          .colour = Colour::green,
          .maybe = "",
          .none = {},
          .legs = {{"JFK", {{"x", 1}, {"", -1}}}, {"", {}}}};
}

template <class T>
std::string encoded(const T& value) {
  std::string out;
  auto encoder = msgpack::state_format()->make_encoder();
  write(encoder->start(out), value);
  return out;
}

template <class T>
T decoded(std::string_view bytes, const DecodeLimits& limits = {}) {
  T out{};
  auto decoder = msgpack::state_format()->make_decoder(limits);
  read(decoder->start(bytes), out, Absent::takes_default);
  decoder->finish();
  return out;
}

std::string error_of(std::string_view bytes, const DecodeLimits& limits = {}) {
  try {
    decoded<Value>(bytes, limits);
  } catch (const DecodeError& e) {
    return e.what();
  }
  return "";
}

template <class T>
std::string refusal_of(std::string_view bytes) {
  try {
    decoded<T>(bytes);
  } catch (const DecodeError& e) {
    return e.what();
  }
  return "";
}

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (auto part : parts) out += part;
  return out;
}

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace

CAF_TEST(reads_each_kind_of_value_back) { CAF_CHECK(decoded<Everything>(encoded(example())) == example()); }

CAF_TEST(writes_the_shortest_form_of_each_value) {
  CAF_CHECK(encoded(std::vector<int>{1, -1, 128, -129}) == "\x94\x01\xff\xcc\x80\xd1\xff\x7f"s);
  CAF_CHECK(encoded(Leg{"JFK", {{"x", 1}}}) == joined({"\x82\xa2to\xa3JFK\xa6", "counts\x81\xa1x\x01"}));
  CAF_CHECK(encoded(std::vector<std::byte>{std::byte{7}}) == "\xc4\x01\x07"s);
  CAF_CHECK(encoded(1.0) == "\xcb\x3f\xf0\0\0\0\0\0\0"s);
  CAF_CHECK(encoded(std::optional<bool>()) == "\xc0"s);
}

CAF_TEST(an_instant_is_a_timestamp_to_the_millisecond) {
  CAF_CHECK(encoded(Instant(Duration(1001))) == "\xc7\x0c\xff\0\x0f\x42\x40\0\0\0\0\0\0\0\1"s);
  CAF_CHECK(encoded(Instant(Duration(-1))) ==
            "\xc7\x0c\xff\x3b\x8b\x87\xc0\xff\xff\xff\xff\xff\xff\xff\xff"s);
  CAF_CHECK_EQUAL(decoded<Instant>("\xd6\xff\0\0\0\2"s).time_since_epoch().count(), 2000);
  CAF_CHECK_EQUAL(decoded<Instant>("\xd7\xff\0\x3d\x09\0\0\0\0\1"s).time_since_epoch().count(), 1001);
  for (std::int64_t ms :
       {std::int64_t{0}, std::int64_t{999}, std::int64_t{-1000}, std::int64_t{4'294'967'295'999},
        std::int64_t{4'294'967'296'000}, std::int64_t{17'179'869'183'999}, std::int64_t{17'179'869'184'000},
        std::int64_t{-62'135'596'800'000}, std::int64_t{253'402'300'799'999}}) {
    CAF_CHECK_EQUAL(decoded<Instant>(encoded(Instant(Duration(ms)))).time_since_epoch().count(), ms);
    CAF_CHECK(decoded<Value>(encoded(Instant(Duration(ms)))) == Value{ms});
  }
  CAF_CHECK_EQUAL(decoded<Instant>("\x05").time_since_epoch().count(), 5);
  CAF_CHECK_NOT_EQUAL(refusal_of<Instant>("\xd7\xff\xff\xff\xff\xff\0\0\0\1"s), "");
  CAF_CHECK_NOT_EQUAL(refusal_of<Instant>("\xc7\x0c\xff\0\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"s), "");
  CAF_CHECK_NOT_EQUAL(refusal_of<Instant>("\xd5\xff\0\0"s), "");
  CAF_CHECK_NOT_EQUAL(refusal_of<Instant>("\xd6\x01\0\0\0\2"s), "");
}

CAF_TEST(integers_keep_all_64_bits_and_none_more) {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  CAF_CHECK_EQUAL(decoded<std::uint64_t>(encoded(most)), most);
  CAF_CHECK_EQUAL(refusal_of<std::int64_t>(encoded(most)), "18446744073709551615 is out of range");
  CAF_CHECK_EQUAL(refusal_of<std::int64_t>(encoded(std::uint64_t{1} << 63)),
                  "9223372036854775808 is out of range");
  CAF_CHECK_EQUAL(decoded<std::int64_t>(encoded((std::uint64_t{1} << 63) - 1)), 9223372036854775807);
  CAF_CHECK_EQUAL(refusal_of<std::uint64_t>("\xff"), "-1 is out of range");
  CAF_CHECK_EQUAL(decoded<std::int64_t>("\xd3\xff\xff\xff\xff\xff\xff\xff\xff"), -1);
  CAF_CHECK_EQUAL(decoded<double>("\x03"), 3.0);
  CAF_CHECK_EQUAL(decoded<double>("\xca\x3f\xc0\0\0"s), 1.5);
  CAF_CHECK_EQUAL(refusal_of<std::int64_t>(encoded(1.0)), "must be an integer, not a real");
}

CAF_TEST(an_older_state_takes_the_defaults_of_newer_members) {
  auto state = decoded<Everything>("\x82\xa3yes\xc3\xa5later\x91\x01"s);
  Everything expected;
  expected.yes = true;
  CAF_CHECK(state == expected);
}

CAF_TEST(bytes_left_over_and_values_not_read_are_refused) {
  CAF_CHECK_EQUAL(error_of("\x01\x02"), "1 bytes are left over");
  CAF_CHECK_NOT_EQUAL(error_of(""), "");
  auto decoder = msgpack::state_format()->make_decoder();
  decoder->start("\x91\x01").open_list();
  CAF_CHECK(throws<DecodeError>([&] { decoder->finish(); }));
}

CAF_TEST(every_truncation_is_refused) {
  auto bytes = encoded(example());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAF_CHECK(throws<DecodeError>([&] { decoded<Value>(std::string(bytes, 0, size)); }));
  }
}

CAF_TEST(what_is_only_claimed_to_be_there_is_refused_at_once) {
  for (auto claim :
       {"\xdd\xff\xff\xff\xff"s, "\xdf\xff\xff\xff\xff"s, "\xc6\xff\xff\xff\xff"s, "\xdb\xff\xff\xff\xff"s,
        "\xc9\xff\xff\xff\xff\x01"s, "\xdc\xff\xff"s, "\xde\xff\xff"s, "\xdf\x80\0\0\0"s}) {
    CAF_CHECK_NOT_EQUAL(error_of(claim), "");
    CAF_CHECK_NOT_EQUAL(error_of(joined({claim, "\x01"})), "");
    CAF_CHECK_NOT_EQUAL(error_of(repeat(claim, 30)), "");
  }
  // Each of these alone could be true; together they cannot.
  CAF_CHECK_EQUAL(error_of(joined({repeat("\xdc\0\x60"s, 30), repeat("\x01", 10)})),
                  "the bytes end too early: a map or list announces more");
}

CAF_TEST(nesting_and_counts_end_at_their_limits) {
  CAF_CHECK_EQUAL(error_of(joined({repeat("\x91", 31), "\x90"})), "");
  CAF_CHECK_EQUAL(error_of(joined({repeat("\x91", 32), "\x90"})),
                  "maps and lists are nested deeper than the limit of 32");
  CAF_CHECK_NOT_EQUAL(error_of(repeat("\x91", 1'000'000)), "");
  CAF_CHECK_NOT_EQUAL(error_of(repeat("\x81\xa1"
                                      "a",
                                      1'000'000)),
                      "");
  CAF_CHECK_EQUAL(error_of("\x92\x01\x81\xa1"
                           "a\x02"s,
                           {.max_elements = 3}),
                  "");
  CAF_CHECK_EQUAL(error_of("\x92\x01\x81\xa1"
                           "a\x02"s,
                           {.max_elements = 2}),
                  "more elements (members and items) than the limit of 2");
  CAF_CHECK_EQUAL(error_of("\x92\x01\x02", {.max_bytes = 2}), "3 bytes are more than the limit of 2");
}

CAF_TEST(names_are_texts_and_there_once) {
  CAF_CHECK_EQUAL(error_of("\x81\x01\x02"), "the name of a member must be text");
  CAF_CHECK_EQUAL(error_of("\x81\x90\x02"), "the name of a member must be text");
  CAF_CHECK_EQUAL(error_of("\x82\xa1"
                           "a\x01\xa1"
                           "a\x01"s),
                  "a: this member occurs twice");
  CAF_CHECK_NOT_EQUAL(refusal_of<Leg>("\x81\xa1x\x91\x82\xa1"
                                      "a\x01\xa1"
                                      "a\x01"s),
                      "");
  CAF_CHECK_NOT_EQUAL(refusal_of<Leg>("\x82\xa2to\xa0\xa2to\xa0"s), "");
}

CAF_TEST(text_that_is_not_utf8_is_refused_both_ways) {
  for (auto bad : {"\xff"s, "abcdefgh\xc3"s, "\xc0\x80"s, "\xed\xa0\x80"s, "\xf4\x90\x80\x80"s,
                   "\xe0\x9f\xbf"s, "\xf0\x8f\xbf\xbf"s, "\x80"s, "\xf5\x80\x80\x80"s}) {
    CAF_CHECK(throws<std::invalid_argument>([&] { encoded(bad); }));
    CAF_CHECK_EQUAL(error_of(joined({std::string(1, static_cast<char>(0xa0 + bad.size())), bad})),
                    "a text is not UTF-8");
  }
  for (auto good :
       {"\x7f"s, "\xc2\x80"s, "\xed\x9f\xbf"s, "\xee\x80\x80"s, "\xf4\x8f\xbf\xbf"s, "\xe0\xa0\x80"s}) {
    CAF_CHECK_EQUAL(decoded<std::string>(encoded(joined({"abcdefgh", good}))), joined({"abcdefgh", good}));
  }
}

CAF_TEST(a_wrong_value_is_named_by_its_path) {
  CAF_CHECK_EQUAL(refusal_of<Everything>(joined({"\x81\xa4legs\x91\x81\xa6", "counts\x81\xa1x\xc3"})),
                  "legs[0].counts.x: must be an integer, not a boolean");
  CAF_CHECK_EQUAL(error_of("\xc1"), "not MessagePack, at byte 0");
}

CAF_TEST(random_bytes_and_mutations_never_do_harm) {
  std::uint64_t seed = std::random_device()();
  CAF_MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  auto valid = encoded(example());
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = valid;
    for (auto times = 1 + random() % 4; times > 0; --times) {
      auto at = random() % bytes.size();
      if (random() % 4 == 0) {
        bytes.erase(at, 1 + random() % 4);
      } else {
        bytes[at] = static_cast<char>(random());
      }
    }
    refused += throws<DecodeError>([&] { decoded<Everything>(bytes); });
    try {
      auto value = decoded<Value>(bytes);
      auto again = encoded(value);
      CAF_CHECK(encoded(decoded<Value>(again)) == again);
    } catch (const DecodeError&) {
    }
  }
  CAF_CHECK(refused > 10'000);
  CAF_CHECK(refused < 20'000);
}
