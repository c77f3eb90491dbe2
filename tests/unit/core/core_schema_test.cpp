// What may change in a minor version of a record, on schemas made of structs.
#define CAF_SUITE core_schema

#include "eventy/core/record_schema.hpp"

#include <caf/test/unit_test.hpp>

namespace {

using namespace eventy;

enum class Colour : std::uint8_t { red, green };
constexpr std::array<std::string_view, 2> enum_names(Colour) { return {"red", "green"}; }
enum class Paint : std::uint8_t { red, green, blue };
constexpr std::array<std::string_view, 3> enum_names(Paint) { return {"red", "green", "blue"}; }

struct Leg {
  std::string dest;
  EVENTY_FIELDS(dest);
};
struct LongLeg {
  std::string dest;
  std::int64_t km = 0;
  EVENTY_FIELDS(dest, km);
};
struct Tree {
  std::int64_t n = 0;
  std::vector<Tree> children;
  EVENTY_FIELDS(n, children);
  using record = Event<"urn:a", "Tree", "1.0.0">;
};

template <class T, FixedString Version>
struct Holds {
  T x;
  EVENTY_FIELDS(x);
  using record = Event<"urn:a", "Holds", Version>;
};
struct Nothing {
  EVENTY_FIELDS();
  using record = Event<"urn:a", "Holds", "1.1.0">;
};

std::vector<std::string> spelled(const std::vector<SchemaChange>& findings) {
  std::vector<std::string> lines;
  for (const auto& finding : findings) lines.push_back(to_string(finding));
  return lines;
}

// What is found where the one member of 1.0.0 becomes that of 1.1.0; empty: nothing.
template <class Old, class New>
std::string change() {
  std::string all;
  for (const auto& line : spelled(
           compare_schemas({record_schema<Holds<Old, "1.0.0">>()}, {record_schema<Holds<New, "1.1.0">>()})))
    all += line.substr(0, line.find(' ')) + line.substr(line.find(": ") + 1) + "\n";
  return all;
}

}  // namespace

CAF_TEST(equal_schemas_have_no_findings) {
  CAF_CHECK(compare_schemas({record_schema<Tree>()}, {record_schema<Tree>()}).empty());
  CAF_CHECK_EQUAL((change<std::vector<Leg>, std::vector<Leg>>()), "");
  CAF_CHECK_EQUAL((change<std::map<std::string, Instant>, std::map<std::string, Instant>>()), "");
}

CAF_TEST(numbers_may_grow_and_not_shrink) {
  CAF_CHECK_EQUAL(
      (change<std::int32_t, std::int64_t>()),
      "ok data.x: was an integer of 32 bits and is an integer of 64 bits: older programs read the values "
      "that fit\n");
  CAF_CHECK_EQUAL((change<float, double>().substr(0, 3)), "ok ");
  CAF_CHECK_EQUAL((change<std::uint32_t, std::int64_t>().substr(0, 3)), "ok ");
  CAF_CHECK_EQUAL((change<std::int64_t, std::int32_t>().substr(0, 5)), "ERROR");
  CAF_CHECK_EQUAL((change<std::int64_t, std::uint64_t>().substr(0, 5)), "ERROR");
  CAF_CHECK_EQUAL((change<std::uint64_t, std::int64_t>().substr(0, 5)), "ERROR");
  CAF_CHECK_EQUAL(
      (change<std::int64_t, double>()),
      "ERROR data.x: was an integer of 64 bits and is a real of 64 bits: neither is read as the other\n");
}

CAF_TEST(another_type_is_found_wherever_it_is) {
  using Integers = std::map<std::string, std::int64_t>;
  CAF_CHECK_EQUAL((change<std::vector<Integers>, std::vector<std::map<std::string, std::string>>>()),
                  "ERROR data.x[].*: was an integer of 64 bits and is text: neither is read as the other\n");
  CAF_CHECK_EQUAL((change<std::vector<std::byte>, std::string>()),
                  "ERROR data.x: was bytes and is text: neither is read as the other\n");
}

CAF_TEST(a_member_that_comes_or_goes_must_be_optional) {
  CAF_CHECK_EQUAL((change<std::vector<Leg>, std::vector<LongLeg>>()),
                  "ERROR data.x[].km: is new and required: older records lack it\n");
  CAF_CHECK_EQUAL((change<std::vector<LongLeg>, std::vector<Leg>>()),
                  "ERROR data.x[].km: is gone: older programs require it\n");
  const auto nothing = record_schema<Nothing>();
  const auto optional = record_schema<Holds<std::optional<Leg>, "1.0.0">>();
  CAF_CHECK(spelled(compare_schemas({optional}, {nothing})) ==
            std::vector<std::string>{
                "ok EVENT urn:a:Holds: data.x: is gone: older programs read it as absent, newer "
                "ones ignore it"});
  auto before = nothing;
  before.version = "1.0.0";
  auto after = optional;
  after.version = "1.1.0";
  CAF_CHECK(spelled(compare_schemas({before}, {after})) ==
            std::vector<std::string>{
                "ok EVENT urn:a:Holds: data.x: is new: it may be absent, and older programs ignore "
                "it"});
}

CAF_TEST(required_stays_required_and_optional_stays_optional) {
  CAF_CHECK_EQUAL((change<std::string, std::optional<std::string>>()),
                  "ERROR data.x: can now be null: older programs do not know it\n");
  CAF_CHECK_EQUAL((change<std::optional<std::string>, std::string>()),
                  "ERROR data.x: can no longer be null: older records may hold it\n");
  CAF_CHECK_EQUAL((change<std::optional<LongLeg>, std::optional<Leg>>()),
                  "ERROR data.x.km: is gone: older programs require it\n");
}

CAF_TEST(symbols_stay_the_same_unless_a_default_stands_for_those_unknown) {
  CAF_CHECK_EQUAL((change<Colour, Paint>()),
                  "ERROR data.x: symbol blue is new: older programs do not know it\n");
  CAF_CHECK_EQUAL((change<Paint, Colour>()),
                  "ERROR data.x: symbol blue is gone: older records may hold it\n");
  auto few = record_schema<Holds<Colour, "1.0.0">>(), many = record_schema<Holds<Paint, "1.1.0">>();
  few.data.members[0].type.default_value = "red";
  CAF_CHECK(spelled(compare_schemas({few}, {many})) ==
            std::vector<std::string>{
                "ok EVENT urn:a:Holds: data.x: symbol blue is new: older programs read it as red"});
}

CAF_TEST(versions_only_grow_and_a_change_needs_a_new_one) {
  const auto one = record_schema<Holds<std::int32_t, "1.0.0">>();
  const auto same = record_schema<Holds<std::int64_t, "1.0.0">>();
  const auto major = record_schema<Holds<std::string, "2.0.0">>();
  const auto same_version = spelled(compare_schemas({one}, {same}));
  CAF_REQUIRE_EQUAL(same_version.size(), 2u);
  CAF_CHECK_EQUAL(same_version[0], "ERROR EVENT urn:a:Holds: changed, but still has version 1.0.0");
  CAF_CHECK(spelled(compare_schemas({one}, {major})) ==
            std::vector<std::string>{
                "ok EVENT urn:a:Holds: version 1.0.0 became 2.0.0: older records need an upgrade function"});
  CAF_CHECK(
      spelled(compare_schemas({major}, {one})) ==
      std::vector<std::string>{"ERROR EVENT urn:a:Holds: version 2.0.0 became 1.0.0: versions only grow"});
}

CAF_TEST(records_may_come_and_not_go) {
  const auto found = compare_schemas({record_schema<Nothing>()}, {record_schema<Tree>()});
  CAF_CHECK(spelled(found) ==
            (std::vector<std::string>{
                "ERROR EVENT urn:a:Holds: is gone: older programs may wait for it, and its records stay",
                "ok EVENT urn:a:Tree: is new"}));
}
