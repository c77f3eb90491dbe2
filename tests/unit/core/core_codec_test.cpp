// How a type's members travel through Writer and Reader, and what a decoding error says.
#define CAF_SUITE core_codec

#include "eventy/core/codec.hpp"

#include "caf/test/unit_test.hpp"

#include <array>
#include <functional>
#include <limits>

#include "eventy/core/context.hpp"
#include "eventy/core/value_codec.hpp"

using namespace eventy;
using eventy::from_value;
using eventy::to_value;

namespace travel {

enum class Cabin { economy, business };
constexpr std::array<std::string_view, 2> enum_names(Cabin) { return {"economy", "business"}; }

struct Leg {
  std::string dest;
  std::int32_t minutes = 0;
  EVENTY_FIELDS(dest, minutes);
  friend bool operator==(const Leg&, const Leg&) = default;
};

struct Trip {
  std::int64_t id = 0;
  std::uint64_t distance = 0;
  std::uint8_t bags = 0;
  double price = 0;
  float rating = 0;
  bool paid = false;
  Cabin cabin = Cabin::economy;
  Instant departure = {};
  std::optional<std::string> note = {};
  std::vector<Leg> legs = {};
  std::vector<bool> meals = {};
  std::map<std::string, std::vector<std::int16_t>> seats = {};
  std::vector<std::byte> ticket = {};
  EVENTY_FIELDS(id, distance, bags, price, rating, paid, cabin, departure, note, legs, meals, seats, ticket);
  friend bool operator==(const Trip&, const Trip&) = default;
};

struct Nothing {
  EVENTY_FIELDS();
};

struct Tally {
  std::int64_t n = 7;
  std::string last = "none";
  Leg leg = {"home", 5};
  EVENTY_FIELDS(n, last, leg);
};

Trip a_trip() {
  return {.id = std::numeric_limits<std::int64_t>::min(),
          .distance = std::numeric_limits<std::uint64_t>::max(),
          .bags = 255,
          .price = 1e300,
          .rating = 4.5f,
          .paid = true,
          .cabin = Cabin::business,
          .departure = Instant(Duration(-1)),
          .note = "window",
          .legs = {{"EWR", 90}, {"IAH", 210}},
          .meals = {true, false},
          .seats = {{"A", {1, -2}}, {"", {}}},
          .ticket = {std::byte{0}, std::byte{255}}};
}

}  // namespace travel

using namespace travel;

namespace {

Value text(std::string s) { return {std::move(s)}; }
Value number(std::int64_t n) { return {n}; }

Value& member(Value& map, std::string_view name) {
  for (auto& [own, value] : std::get<ValueMap>(map.is)) {
    if (own == name) return value;
  }
  throw std::logic_error("no such member");
}

void drop(Value& map, std::string_view name) {
  std::erase_if(std::get<ValueMap>(map.is), [&](auto& m) { return m.first == name; });
}

template <class T>
std::string error_of(const Value& v, Absent absent = Absent::is_error) {
  try {
    from_value<T>(v, absent);
  } catch (const DecodeError& e) {
    return e.what();
  }
  return "";
}

std::string trip_error(const std::function<void(Value&)>& change) {
  auto value = to_value(a_trip());
  change(value);
  return error_of<Trip>(value);
}

}  // namespace

CAF_TEST(a_struct_of_all_kinds_comes_back) {
  CAF_CHECK(from_value<Trip>(to_value(a_trip())) == a_trip());
  CAF_CHECK(from_value<Trip>(to_value(Trip{})) == Trip{});
}

CAF_TEST(members_are_written_in_their_order_under_their_names) {
  CAF_CHECK(to_value(Leg{"EWR", 90}) == (Value{ValueMap{{"dest", text("EWR")}, {"minutes", number(90)}}}));
  CAF_CHECK(to_value(Nothing{}) == Value{ValueMap{}});
  from_value<Nothing>(Value{ValueMap{{"more", number(1)}}});
}

CAF_TEST(members_are_read_in_any_order) {
  Value v{ValueMap{{"minutes", number(90)}, {"dest", text("EWR")}}};
  CAF_CHECK(from_value<Leg>(v) == (Leg{"EWR", 90}));
}

CAF_TEST(a_missing_member_is_an_error_that_names_it) {
  CAF_CHECK_EQUAL(trip_error([](Value& v) { drop(v, "price"); }), "price: this member is missing");
  CAF_CHECK_EQUAL(trip_error([](Value& v) { drop(v, "ticket"); }), "ticket: this member is missing");
}

CAF_TEST(an_optional_member_may_be_missing_or_null) {
  auto value = to_value(a_trip());
  drop(value, "note");
  CAF_CHECK(!from_value<Trip>(value).note);
  value = to_value(a_trip());
  member(value, "note").is = nullptr;
  CAF_CHECK(!from_value<Trip>(value).note);
}

CAF_TEST(a_null_replaces_an_optional_that_had_a_value) {
  Value null;
  ValueReader reader(null);
  std::optional<std::int64_t> v = 5;
  read(reader, v, Absent::is_error);
  CAF_CHECK(!v);
}

CAF_TEST(a_null_is_no_value_of_a_required_member) {
  CAF_CHECK_EQUAL(trip_error([](Value& v) { member(v, "paid").is = nullptr; }), "paid: expected a boolean");
}

CAF_TEST(a_member_that_is_there_twice_is_refused) {
  CAF_CHECK_EQUAL(trip_error([](Value& v) { std::get<ValueMap>(v.is).emplace_back("id", number(1)); }),
                  "id: this member occurs twice");
}

CAF_TEST(an_unknown_member_is_skipped_but_not_twice) {
  auto value = to_value(a_trip());
  auto& members = std::get<ValueMap>(value.is);
  members.emplace(members.begin() + 2, "newer", Value{ValueList{number(1), text("x")}});
  CAF_CHECK(from_value<Trip>(value) == a_trip());
  members.emplace_back("newer", number(1));
  CAF_CHECK_EQUAL(error_of<Trip>(value), "newer: this member occurs twice");
}

CAF_TEST(very_many_unknown_members_take_no_quadratic_time) {
  ValueMap members;
  for (int i = 0; i < 200'000; ++i) members.emplace_back("unknown" + std::to_string(i), number(i));
  CAF_CHECK_EQUAL(error_of<Leg>(Value{members}), "dest: this member is missing");
  CAF_CHECK(from_value<Value>(Value{members}) == Value{members});
}

CAF_TEST(an_error_names_the_whole_path) {
  CAF_CHECK_EQUAL(trip_error([](Value& v) {
                    member(std::get<ValueList>(member(v, "legs").is)[1], "dest").is = std::int64_t{3};
                  }),
                  "legs[1].dest: expected a text");
  CAF_CHECK_EQUAL(trip_error([](Value& v) { drop(std::get<ValueList>(member(v, "legs").is)[0], "minutes"); }),
                  "legs[0].minutes: this member is missing");
  CAF_CHECK_EQUAL(
      trip_error([](Value& v) { std::get<ValueList>(member(member(v, "seats"), "A").is)[1] = text("x"); }),
      "seats.A[1]: expected an integer");
  CAF_CHECK_EQUAL(trip_error([](Value& v) { std::get<ValueList>(member(v, "meals").is)[0] = number(1); }),
                  "meals[0]: expected a boolean");
}

CAF_TEST(an_error_keeps_path_and_reason_apart) {
  auto e = DecodeError("expected a text").within("[3]").within("[0]").within("b").within("a");
  CAF_CHECK_EQUAL(e.path(), "a.b[0][3]");
  CAF_CHECK_EQUAL(e.reason(), "expected a text");
  CAF_CHECK_EQUAL(std::string(e.what()), "a.b[0][3]: expected a text");
  CAF_CHECK(DecodeError("bytes left over").path().empty());
}

CAF_TEST(a_path_is_fit_for_a_log_line) {
  auto e = DecodeError("wrong").within("k\n" + std::string(100, 'x'));
  CAF_CHECK_EQUAL(e.path(), "k\\n" + std::string(78, 'x') + "...");
}

CAF_TEST(a_number_out_of_range_is_refused) {
  CAF_CHECK_EQUAL(trip_error([](Value& v) { member(v, "bags").is = std::int64_t{256}; }),
                  "bags: 256 is out of range");
  CAF_CHECK_EQUAL(trip_error([](Value& v) { member(v, "bags").is = std::int64_t{-1}; }),
                  "bags: -1 is out of range");
  CAF_CHECK_EQUAL(trip_error([](Value& v) { member(v, "id").is = std::uint64_t{1} << 63; }),
                  "id: 9223372036854775808 is out of range");
  CAF_CHECK_EQUAL(trip_error([](Value& v) {
                    member(v, "seats").is = ValueMap{{"B", {ValueList{number(40'000)}}}};
                  }),
                  "seats.B[0]: 40000 is out of range");
  CAF_CHECK(trip_error([](Value& v) { member(v, "rating").is = 1e39; }).ends_with(" is out of range"));
  CAF_CHECK_EQUAL(trip_error([](Value& v) { member(v, "rating").is = std::int64_t{4}; }), "");
}

CAF_TEST(an_enum_travels_by_name) {
  auto value = to_value(a_trip());
  CAF_CHECK(member(value, "cabin") == text("business"));
  CAF_CHECK_EQUAL(trip_error([](Value& v) { member(v, "cabin") = text("roof\t"); }),
                  "cabin: \"roof\\x09\" is not a name of this enum");
  CAF_CHECK_EQUAL(trip_error([](Value& v) { member(v, "cabin") = number(1); }), "cabin: expected a text");
}

CAF_TEST(a_map_refuses_a_key_that_is_there_twice) {
  CAF_CHECK_EQUAL(trip_error([](Value& v) {
                    member(v, "seats").is = ValueMap{{"A", {ValueList{}}}, {"A", {ValueList{}}}};
                  }),
                  "seats.A: this member occurs twice");
}

CAF_TEST(in_a_state_an_absent_member_takes_its_default) {
  Value old{ValueMap{{"last", text("x")}, {"leg", {ValueMap{{"dest", text("EWR")}}}}}};
  CAF_CHECK_EQUAL(error_of<Tally>(old), "leg.minutes: this member is missing");
  auto tally = from_value<Tally>(old, Absent::takes_default);
  CAF_CHECK_EQUAL(tally.n, 7);
  CAF_CHECK_EQUAL(tally.last, "x");
  CAF_CHECK(tally.leg == (Leg{"EWR", 5}));
}

CAF_TEST(lists_and_maps_are_replaced_not_extended) {
  auto value = to_value(std::vector<std::int64_t>{1});
  ValueReader reader(value);
  std::vector<std::int64_t> v{7, 8};
  read(reader, v, Absent::is_error);
  CAF_CHECK(v == std::vector<std::int64_t>{1});
}

CAF_TEST(a_value_of_any_type_comes_back) {
  Value v{ValueMap{{"null", {nullptr}},
                   {"yes", {true}},
                   {"n", number(-1)},
                   {"big", {std::numeric_limits<std::uint64_t>::max()}},
                   {"x", {0.5}},
                   {"s", text("")},
                   {"b", {std::vector<std::byte>{std::byte{1}}}},
                   {"list", {ValueList{number(1), {ValueList{}}, {ValueMap{{"z", {}}, {"a", {}}}}}}}}};
  CAF_CHECK(to_value(v) == v);
  CAF_CHECK(from_value<Value>(v) == v);
  CAF_CHECK(from_value<Trip>(from_value<Value>(to_value(a_trip()))) == a_trip());
}

CAF_TEST(a_value_refuses_a_member_twice_at_any_depth) {
  Value v{ValueMap{{"a", {ValueList{{ValueMap{{"b", {}}, {"c", {}}, {"b", {}}}}}}}}};
  CAF_CHECK_EQUAL(error_of<Value>(v), "a[0].b: this member occurs twice");
}

CAF_TEST(values_are_equal_when_they_mean_the_same) {
  CAF_CHECK(Value{std::int64_t{1}} == Value{std::uint64_t{1}});
  CAF_CHECK(Value{std::uint64_t{1}} == Value{std::int64_t{1}});
  CAF_CHECK(!(Value{std::int64_t{-1}} == Value{std::numeric_limits<std::uint64_t>::max()}));
  CAF_CHECK(!(Value{std::int64_t{1}} == Value{1.0}));
  CAF_CHECK(!(Value{std::int64_t{1}} == Value{true}));
  CAF_CHECK(!(Value{} == Value{false}));
  CAF_CHECK((Value{ValueList{{std::int64_t{1}}}} == Value{ValueList{{std::uint64_t{1}}}}));
  CAF_CHECK(!(Value{ValueMap{{"a", {}}, {"b", {}}}} == Value{ValueMap{{"b", {}}, {"a", {}}}}));
}

CAF_TEST(a_context_of_scalars_comes_back) {
  Context c{{"urn:web",
             {{"n", nullptr}, {"t", true}, {"i", std::int64_t{-1}}, {"d", 0.5}, {"s", std::string("x")}}},
            {"urn:empty", {}}};
  auto value = to_value(c);
  ValueReader reader(value);
  Context back{{"urn:old", {}}};
  read(reader, back);
  CAF_CHECK(back == c);
}

CAF_TEST(a_context_takes_nothing_but_scalars_and_no_key_twice) {
  auto context_error = [](Value v) -> std::string {
    ValueReader reader(v);
    Context c;
    try {
      read(reader, c);
    } catch (const DecodeError& e) {
      return e.what();
    }
    return "";
  };
  constexpr auto scalars = "urn:web.k: a context holds null, booleans, numbers and texts only";
  for (Value v : {Value{ValueList{}}, Value{ValueMap{}}, Value{std::vector<std::byte>{}}}) {
    CAF_CHECK_EQUAL(context_error({ValueMap{{"urn:web", {ValueMap{{"k", v}}}}}}), scalars);
  }
  CAF_CHECK_EQUAL(context_error({ValueMap{{"urn:web", number(1)}}}), "urn:web: expected a map");
  CAF_CHECK_EQUAL(context_error({ValueMap{{"urn:web", {ValueMap{{"k", {}}, {"k", {}}}}}}}),
                  "urn:web.k: this member occurs twice");
  CAF_CHECK_EQUAL(context_error({ValueMap{{"urn:web", {ValueMap{}}}, {"urn:web", {ValueMap{}}}}}),
                  "urn:web: this member occurs twice");
  CAF_CHECK_EQUAL(context_error({ValueMap{{"urn:web", {ValueMap{{"k", {std::uint64_t{1} << 63}}}}}}}),
                  "urn:web.k: 9223372036854775808 is out of range");
}

CAF_TEST(names_are_the_same_only_when_all_their_characters_are) {
  for (std::size_t size = 0; size <= 24; ++size) {
    const std::string name(size, 'n');
    CAF_CHECK(eventy::detail::same_name(name, std::string(name)));
    CAF_CHECK(!eventy::detail::same_name(name, name + "n"));
    for (std::size_t at = 0; at < size; ++at) {
      auto other = name;
      other[at] = 'm';
      CAF_CHECK(!eventy::detail::same_name(name, other));
    }
  }
}
