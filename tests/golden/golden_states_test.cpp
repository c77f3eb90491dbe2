// States, rows of the changelog, dead letters and a database of earlier releases read as they did then.
#define CAF_SUITE golden_states

#include <caf/test/unit_test.hpp>

#include "../support/temporary_folder.hpp"
#include "../support/versions.hpp"
#include "adapters/kafka/changelog.hpp"
#include "adapters/kafka/positions.hpp"
#include "dead_letters.hpp"
#include "eventy/core/value_codec.hpp"
#include "eventy/rocksdb/rocksdb_store.hpp"
#include "golden.hpp"

namespace {

using namespace golden;

template <class State>
State state_of(const std::string& name) {
  State state;
  read_state(eventy::detail::state_ops<State>, read_file(name + ".bin"),
             *msgpack::state_format()->make_decoder(), &state);
  return state;
}

// A reason is for people: its words may change, the header not.
constexpr std::string_view words = "its words";

ValueMap headers_of(const testing::Bench::DeadLetter& letter) {
  ValueMap all;
  for (const auto& [name, value] : letter.headers)
    all.emplace_back(name, Value{name == dead_letter::reason ? std::string(words) : value});
  return all;
}
ValueMap wanted_headers(const std::string& name) {
  auto all = std::get<ValueMap>(wanted(name).is);
  for (auto& [header, value] : all)
    if (header == dead_letter::reason) value = {std::string(words)};
  return all;
}

}  // namespace

CAF_TEST(states_of_each_version_are_read_and_upgraded) {
  for (const auto& name : listed("state/1/account_"))
    CAF_CHECK_EQUAL(differences(state_of<tests::Account>(name), wanted(name)), "");
  const auto whole = state_of<Crate>("state/1/crate");
  CAF_CHECK_EQUAL(differences(whole, crate()), "");
  CAF_CHECK_EQUAL(listed("state/1/").size(), 4u);
}

CAF_TEST(rows_of_the_changelog_and_notes_of_positions_are_read) {
  using namespace kafka::detail;
  const auto check = [](const std::string& name, ValueMap found) {
    CAF_MESSAGE(name);
    CAF_CHECK_EQUAL(differences(found, wanted("changelog/1/" + name)), "");
  };
  const auto bytes = [](const std::string& name) { return read_file("changelog/1/" + name + ".bin"); };
  const auto row = bytes("key");
  const auto key = split_changelog_key(row);
  CAF_REQUIRE(key);
  check("key", {{"keyspace", to_value(key->keyspace)}, {"key", to_value(key->key)}});
  CAF_CHECK(bytes("key_of_log_name") == log_name_key);
  const auto log = LogName::read(bytes("log_name"));
  ValueList begun;
  for (const auto& input : log.begun) begun.push_back({input});
  check("log_name", {{"incarnation", {log.incarnation}}, {"begun", {begun}}});
  for (const auto* name : {"position", "position_of_takeover"}) {
    const auto note = read_note(bytes(name));
    check(name, {{"by", {note.by}},
                 {"cycle", {note.cycle}},
                 {"log", {note.log}},
                 {"reached", {note.log_reached.value}}});
  }
  CAF_CHECK_EQUAL(listed("changelog/1/").size(), 5u);
}

CAF_TEST(dead_letters_have_the_headers_that_they_had) {
  const auto today = dead_letters();
  CAF_CHECK_EQUAL(listed("dead_letters/1/").size(), today.size());
  for (const auto& name : listed("dead_letters/1/")) {
    CAF_MESSAGE(name);
    const auto& letter = today.at(name.substr(name.rfind('/') + 1));
    CAF_CHECK_EQUAL(differences(headers_of(letter), wanted_headers(name)), "");
    CAF_CHECK_EQUAL(base64(letter.bytes), base64(read_file(name + ".bin")));
  }
}

CAF_TEST(a_database_holds_what_it_held_and_its_services_go_on) {
  const tests::TemporaryFolder copy;
  std::filesystem::copy(folder + "embedded/1/data", copy.path(), std::filesystem::copy_options::recursive);
  const auto store = rocksdb::open({.path = copy.path()}).value();
  CAF_CHECK_EQUAL(differences(content_of(*store), wanted("embedded/1/content")), "");

  const auto parked = parked_keys(*store, *msgpack::state_format(), "shop").value();
  CAF_REQUIRE_EQUAL(parked.size(), 1u);
  CAF_CHECK_EQUAL(parked[0].key, "bob");
  CAF_CHECK_EQUAL(parked[0].records, 2u);
  CAF_CHECK_EQUAL(parked[0].reason, "a return");
  release_key(*store, ServiceRuntime(shop(Book::takes_returns), formats()), parked[0]).value();
  run_once(*store, till());  // stands at its end
  run_once(*store, shop(Book::takes_returns));
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> sales;
  for_each_state<Sales>(*store, *msgpack::state_format(), "shop",
                        [&](PartitionId, std::string_view key, const Sales& s) {
                          sales[std::string(key)] = {s.cents, s.count};
                        })
      .value();
  CAF_CHECK(sales == (std::map<std::string, std::pair<std::int64_t, std::int64_t>>{
                         {"ann", {100, 1}}, {"bob", {4, 2}}, {"é", {7, 1}}}));
  CAF_CHECK_EQUAL(records_of(*store, "till-events").size(), 5u);
  CAF_CHECK_EQUAL(records_of(*store, "shop-events").size(), 4u);
}
