// Records and states of older major versions, through upgrade functions.
#define CAF_SUITE service_upgrade

#include <caf/test/unit_test.hpp>

#include "../../support/versions.hpp"
#include "eventy/json/json.hpp"
#include "eventy/msgpack/msgpack.hpp"
#include "eventy/testing/bench.hpp"
#include "eventy/testing/plain_format.hpp"

namespace {

using namespace eventy;
using eventy::testing::Bench;

std::string bytes_of(const Serializer& format, const std::string& version, ValueMap data) {
  Record record(Kind::event, "urn:shop", "Placed", "urn:shop");
  record.set_version(version).set_partition_key("ann");
  record.data = std::move(data);
  return encode(record, *format.make_encoder());
}

const ValueMap data_v1{{"cents", {std::int64_t{450}}}}, data_v2{{"price", {std::string("4.50")}}};

struct Strict {
  std::int64_t cents = 0;
  EVENTY_FIELDS(cents);
  using record = Event<"urn:shop", "Placed", "2.0.0">;
  static Strict upgrade(const tests::v1::Placed&) { throw std::runtime_error("no rate for it"); }
};
struct Two {  // a state as version 2 was
  std::string spent;
  EVENTY_FIELDS(spent);
};

}  // namespace

CAF_TEST(records_of_older_major_versions_are_upgraded_step_by_step_in_each_format) {
  for (const auto& format : {json::serializer(), msgpack::serializer()}) {
    Bench bench{tests::desk(), {.serializer = format}};
    bench.tell_bytes("shop-events", bytes_of(*format, "1.0.7", data_v1), "ann");
    bench.tell_bytes("shop-events", bytes_of(*format, "2.5.0", data_v2), "ann");
    bench.tell(tests::Placed{"1.00", "GBP"}, "ann");
    bench.tell(tests::Placed{"2.00", "GBP"}, "ann", {.version = "3.1.0"});
    CAF_CHECK(bench.dead_letters().empty());
    const auto spent = bench.state<tests::Account>("ann").value().spent;
    CAF_CHECK(spent == (std::vector<std::string>{"4.50 EUR", "4.50 EUR", "1.00 GBP", "2.00 GBP"}));
  }
}

CAF_TEST(a_major_version_without_an_upgrade_function_is_a_dead_letter) {
  Bench bench{tests::desk()};
  bench.tell(tests::Placed{"1.00", "GBP"}, "ann", {.version = "4.0.0"});
  bench.tell(tests::Placed{"1.00", "GBP"}, "ann", {.version = "0.9.0"});
  Bench older{tests::desk_v1()};
  older.tell(tests::v1::Placed{1}, "ann", {.version = "2.0.0"});
  CAF_REQUIRE_EQUAL(bench.dead_letters().size(), 2u);
  CAF_REQUIRE_EQUAL(older.dead_letters().size(), 1u);
  CAF_CHECK_EQUAL(bench.dead_letters()[0].headers.at("eventy-reason"),
                  "version 4.0.0 of Placed is not read by a handler of version 3.0.0");
  CAF_CHECK(!bench.state<tests::Account>("ann"));
}

CAF_TEST(an_older_record_that_lacks_a_member_of_its_own_version_is_a_dead_letter_that_names_it) {
  Bench bench{tests::desk()};
  bench.tell_bytes("shop-events", bytes_of(*testing::plain_serializer(), "1.0.0", data_v2), "ann");
  CAF_REQUIRE_EQUAL(bench.dead_letters().size(), 1u);
  CAF_CHECK_EQUAL(bench.dead_letters()[0].headers.at("eventy-reason"), "data.cents: this member is missing");
}

CAF_TEST(what_upgrade_throws_is_a_failure_of_the_handler) {
  Bench bench{service<>("desk").on([](StatelessTurn&, const Strict&) {})};
  bench.tell_bytes("shop-events", bytes_of(*testing::plain_serializer(), "1.0.0", data_v1), "ann");
  CAF_REQUIRE_EQUAL(bench.dead_letters().size(), 1u);
  CAF_CHECK_EQUAL(bench.dead_letters()[0].headers.at("eventy-reason"), "no rate for it");
}

CAF_TEST(states_are_upgraded_from_the_version_that_they_were_written_in) {
  const auto format = msgpack::state_format();
  const auto encoder = format->make_encoder();
  const auto decoder = format->make_decoder();
  const auto read_as_today = [&](std::uint16_t version, const auto& state) {
    auto ops = detail::state_ops<std::remove_cvref_t<decltype(state)>>;
    ops.version = version;
    std::string bytes;
    write_state(ops, &state, *encoder, bytes);
    tests::Account account;
    read_state(detail::state_ops<tests::Account>, bytes, *decoder, &account);
    return account;
  };
  CAF_CHECK(read_as_today(1, tests::v1::Account{450}).spent == std::vector<std::string>{"4.50"});
  CAF_CHECK(read_as_today(2, Two{"1.00"}).spent == std::vector<std::string>{"1.00"});
  const auto from_3 = read_as_today(3, tests::v2::Account{"2.00", 7});
  CAF_CHECK(from_3.spent == std::vector<std::string>{"2.00"});
  CAF_CHECK_EQUAL(from_3.orders, 7);
  CAF_CHECK_EQUAL(read_as_today(4, tests::Account{{"3.00"}, 8}).orders, 8);
  std::optional<ErrorCode> refused;
  try {
    read_as_today(5, tests::Account{});
  } catch (const Failure& e) {
    refused = e.error().code;
  }
  CAF_CHECK(refused == ErrorCode::newer_format);
}
