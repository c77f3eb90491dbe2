// MessagePack: round trips, what msgpack-c itself writes, and bytes that lie.
#define CAF_SUITE msgpack

#include "eventy/msgpack/msgpack.hpp"

#include <caf/test/unit_test.hpp>
#include <limits>
#include <random>

#include "eventy/core/ids.hpp"

namespace {

using namespace eventy;

enum class Colour { red, green };
constexpr std::array<std::string_view, 2> enum_names(Colour) { return {"red", "green"}; }

struct Leg {
  std::string dest;
  std::int64_t minutes = 0;
  EVENTY_FIELDS(dest, minutes);
  friend bool operator==(const Leg&, const Leg&) = default;
};
struct Everything {
  bool flag = false;
  std::int64_t low = 0;
  std::uint64_t high = 0;
  double real = 0;
  std::string text;
  std::vector<std::byte> bytes;
  Instant when = {};
  Colour colour = Colour::red;
  std::optional<std::string> none, some;
  std::vector<Leg> legs;
  std::map<std::string, std::int64_t> counts;
  EVENTY_FIELDS(flag, low, high, real, text, bytes, when, colour, none, some, legs, counts);
  friend bool operator==(const Everything&, const Everything&) = default;
};

Everything full() {
  Everything e;
  e.flag = true;
  e.low = std::numeric_limits<std::int64_t>::min();
  e.high = std::numeric_limits<std::uint64_t>::max();
  e.real = -1.5e300;
  e.text = "zwölf \xF0\x9F\x9B\xAB";
  e.bytes = {std::byte{0}, std::byte{255}};
  e.when = Instant(Duration(-12'345));
  e.colour = Colour::green;
  e.some = "";
  e.legs = {{"ORD", 133}, {"SFO", -5}};
  e.counts = {{"a", -1}, {"b", 70'000}};
  return e;
}

template <class T>
std::string encoded(const T& value) {
  std::string out;
  write(msgpack::state_format()->make_encoder()->start(out), value);
  return out;
}
template <class T>
T decoded(std::string_view bytes, const DecodeLimits& limits = {}) {
  const auto decoder = msgpack::state_format()->make_decoder(limits);
  T value{};
  read(decoder->start(bytes), value, Absent::takes_default);
  decoder->finish();
  return value;
}
template <class T>
std::string error_of(std::string_view bytes, const DecodeLimits& limits = {}) {
  try {
    (void)decoded<T>(bytes, limits);
  } catch (const DecodeError& e) {
    return e.what();
  }
  return "no error";
}
bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

Record sample() {
  Record record(Kind::response, "urn:desk", "Rebooked", "urn:desk");
  record.set_destination("urn:aircraft").set_request_uuid(random_uuid());
  return record;
}

}  // namespace

CAF_TEST(a_state_of_all_kinds_of_members_comes_back_as_it_was) {
  CAF_CHECK(decoded<Everything>(encoded(full())) == full());
  CAF_CHECK(decoded<Everything>(encoded(Everything{})) == Everything{});
}

CAF_TEST(small_numbers_take_one_byte_as_the_format_says) {
  CAF_CHECK_EQUAL(encoded(std::int64_t{5}), std::string("\x05"));
  CAF_CHECK_EQUAL(encoded(std::int64_t{-1}), std::string("\xff"));
  CAF_CHECK_EQUAL(encoded(Leg{"ORD", 7}), std::string("\x82\xa4"
                                                      "dest"
                                                      "\xa3"
                                                      "ORD"
                                                      "\xa7"
                                                      "minutes"
                                                      "\x07"));
}

CAF_TEST(an_absent_member_takes_its_default_and_an_unknown_one_is_skipped) {
  CAF_CHECK_EQUAL(decoded<Leg>(std::string("\x81\xa4"
                                           "dest"
                                           "\xa3"
                                           "ORD"))
                      .minutes,
                  0);
  CAF_CHECK_EQUAL(decoded<Leg>(std::string("\x82\xa1x\x91\x01\xa7"
                                           "minutes"
                                           "\x07"))
                      .minutes,
                  7);
}

CAF_TEST(duplicates_and_bytes_left_over_are_refused) {
  CAF_CHECK(contains(error_of<Leg>(std::string("\x82\xa7"
                                               "minutes"
                                               "\x07\xa7"
                                               "minutes"
                                               "\x08")),
                     "minutes"));
  CAF_CHECK(contains(error_of<Leg>(std::string("\x81\xa1x\x82\xa1y\x01\xa1y\x02")), "twice"));
  CAF_CHECK(contains(error_of<Leg>(encoded(Leg{}) + "\x01"), "left over"));
}

CAF_TEST(claimed_sizes_are_checked_before_anything_is_made_of_them) {
  using namespace std::string_literals;
  CAF_CHECK(contains(error_of<std::vector<Leg>>("\xdd\xff\xff\xff\xff"s), "announces"));
  CAF_CHECK(contains(error_of<std::vector<Leg>>("\xdf\xff\xff\xff\xff"s), "list"));
  CAF_CHECK(contains(error_of<std::string>("\xdb\xff\xff\xff\xff"s), "too early"));
  CAF_CHECK(contains(error_of<std::vector<std::byte>>("\xc6\xff\xff\xff\xff"s), "too early"));
  CAF_CHECK(contains(error_of<Value>(std::string(10'000, '\x91')), "nested"));
  CAF_CHECK(contains(
      error_of<std::vector<std::int64_t>>("\xdc\x00\x64"s + std::string(100, '\x01'), {.max_elements = 99}),
      "elements"));
  CAF_CHECK(contains(error_of<std::string>(std::string(100, 'x'), {.max_bytes = 99}), "limit"));
}

CAF_TEST(integers_are_never_cut) {
  CAF_CHECK(
      contains(error_of<std::int64_t>(encoded(std::numeric_limits<std::uint64_t>::max())), "out of range"));
  CAF_CHECK(contains(error_of<std::uint64_t>(encoded(std::int64_t{-1})), "out of range"));
  CAF_CHECK(contains(error_of<std::int8_t>(encoded(std::int64_t{128})), "out of range"));
}

CAF_TEST(a_record_with_context_comes_back_as_it_was) {
  Record record = sample();
  record.set_partition_key("N14228")
      .set_refusal(409, "no seats")
      .set_date(Instant(Duration(1'373'241'600'123)));
  record.context = {
      {"urn:aircraft", {{"flight", std::string("UA 1")}, {"n", std::int64_t{3}}, {"x", nullptr}}}};
  record.data = {{"number", Value{std::int64_t{4}}}, {"list", Value{ValueList{Value{true}, Value{2.5}}}}};
  const auto encoder = msgpack::serializer()->make_encoder();
  const auto decoder = msgpack::serializer()->make_decoder();
  const std::string bytes = encode(record, *encoder);
  const Record back = decode(bytes, *decoder);
  CAF_CHECK_EQUAL(encode(back, *encoder), bytes);
  CAF_CHECK(back.context == record.context);
  CAF_CHECK(back.data == record.data);
  CAF_CHECK(back.date() == record.date());
  CAF_CHECK(!back.ok());
}

CAF_TEST(a_record_that_breaks_a_rule_is_refused_with_the_field) {
  const auto encoder = msgpack::serializer()->make_encoder();
  const auto decoder = msgpack::serializer()->make_decoder();
  std::string bytes = encode(sample(), *encoder);
  bytes.replace(bytes.find("3.0.0"), 5, "4.0.0");
  std::string error;
  try {
    (void)decode(bytes, *decoder);
  } catch (const DecodeError& e) {
    error = e.what();
  }
  CAF_CHECK(contains(error, "protocol_version"));
}

CAF_TEST(changed_bytes_never_crash_and_never_break_a_rule) {
  const auto seed = std::random_device{}();
  CAF_MESSAGE("seed " << seed);
  std::mt19937 random(seed);
  const auto encoder = msgpack::serializer()->make_encoder();
  const auto decoder = msgpack::serializer()->make_decoder();
  Record record = sample();
  record.data = {{"legs", Value{ValueList{Value{std::string("ORD")}, Value{std::int64_t{400}}}}}};
  const std::string whole = encode(record, *encoder);
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = whole;
    for (unsigned n = random() % 4 + 1; n > 0; --n)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    try {
      const Record back = decode(bytes, *decoder);
      if (broken_rule(back.envelope())) CAF_ERROR("a broken rule passed");
    } catch (const DecodeError&) {
      ++refused;
    }
  }
  CAF_CHECK(refused > 5000);
}
