// The example of a new version: it takes over records and states of the old one, whose readers read on.
#define CAF_SUITE new_version

#include <caf/test/unit_test.hpp>

#include "eventy/core/record_schema.hpp"
#include "eventy/store/memory_store.hpp"
#include "eventy/testing/bench.hpp"
#include "eventy/testing/plain_format.hpp"
#include "eventy/testing/virtual_clock.hpp"
#include "examples/new_version/counter.hpp"
#include "support/local_node.hpp"

using namespace eventy;

namespace {

void click(RecordStore& store, const std::string& version, ValueMap data) {
  Record record(Kind::event, "urn:bench", "Clicked", "urn:bench");
  record.set_version(version).set_partition_key("ann");
  record.data = std::move(data);
  store
      .append("bench-events",
              {{.key = "ann", .value = encode(record, *testing::plain_serializer()->make_encoder())}})
      .value();
}

void run_once(RecordStore& store, const Service& service) {
  testing::VirtualClock clock;
  testing::LocalService node(
      store, service,
      {.serializer = testing::plain_serializer(), .state_format = testing::plain_state_format()},
      BridgeOptions{}, clock, 1);
  for (int i = 0; i < 12; ++i) node.round(), clock.advance(Duration(30));
}

}  // namespace

CAF_TEST(the_new_program_takes_over_the_counts_of_the_old_one) {
  MemoryStore store;
  store.ensure_topics({{"bench-events", 1}}).value();
  const ValueMap first{{"n", Value{std::int64_t{1}}}}, second{{"page", Value{"/a"}}};
  click(store, "1.0.0", first);
  click(store, "1.0.0", first);
  run_once(store, counter::service());
  click(store, "1.0.0", {{"n", Value{std::int64_t{2}}}, {"page", Value{"/a"}}});
  click(store, "2.0.0", second);
  run_once(store, new_version::service());
  std::map<std::string, std::int64_t> pages;
  for_each_state<new_version::Tally>(
      store, *testing::plain_state_format(), "counter",
      [&](PartitionId, std::string_view, const new_version::Tally& t) { pages = t.pages; })
      .value();
  CAF_CHECK(pages == (std::map<std::string, std::int64_t>{{"", 2}, {"/a", 2}}));
}

CAF_TEST(readers_of_the_old_output_read_the_new_one) {
  for (const auto& finding :
       compare_schemas({record_schema<counter::Counted>()}, {record_schema<new_version::Counted>()}))
    CAF_CHECK_EQUAL(finding.is_error ? to_string(finding) : "", "");
  testing::Bench bench{new_version::service()};
  bench.tell(new_version::Clicked{"/a"}, "ann");
  CAF_REQUIRE_EQUAL(bench.sent<counter::Counted>().size(), 1u);
  const auto sent = bench.sent<counter::Counted>();
  CAF_CHECK_EQUAL(sent[0].count, 1);
}
