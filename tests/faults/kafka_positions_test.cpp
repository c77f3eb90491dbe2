// Which positions a session commits beside those that its records move, on a real broker.
// ctest: KAFKA
#define CAF_SUITE kafka_positions

#include "adapters/kafka/client.hpp"
#include "adapters/kafka/positions.hpp"
#include "conformance/driver.hpp"
#include "eventy/kafka/kafka_store.hpp"
#include "support/kafka_broker.hpp"

#include "caf/test/unit_test.hpp"

using namespace eventy;
using conformance::Driver;
using conformance::Slice;

namespace {

struct Fixture {
  Fixture() {
    options.bootstrap = eventy::tests::kafka_bootstrap();
    options.prefix = eventy::tests::unique_prefix();
  }
  void open() {
    store = kafka::open(options).value();
    store->ensure_topics({{"in", 1}, {"out", 1}}).value();
    store->append("in", {conformance::record("a")}).value();
    client = kafka::detail::Client::make(options).value();
  }
  // What stands in the group's committed offset.
  kafka::detail::Client::Committed committed() {
    return client->committed(options.prefix + "counter", {{options.prefix + "in", 0}}).value().at(0);
  }
  std::string cycle() { return kafka::detail::read_note(committed().metadata).cycle; }

  kafka::Options options = {};
  std::unique_ptr<RecordStore> store = {};
  std::shared_ptr<kafka::detail::Client> client = {};
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(positions, Fixture)

// A commit without a position is let through by the broker, whoever sends it.
CAF_TEST(a_cycle_that_moves_no_position_commits_where_it_stands) {
  open();
  Driver driver(*store);
  driver.ready();
  driver.append(Slice().set("k", "1"));
  driver.commit(41);
  CAF_CHECK_EQUAL(driver.committed.size(), 1u);
  CAF_CHECK(cycle().ends_with("-41"));
  CAF_CHECK_EQUAL(committed().next.value_or(Offset{-1}).value, 0);
}

// Else those of topics that are assigned and not subscribed expire after a week.
CAF_TEST(positions_that_stay_the_same_are_committed_again_now_and_then) {
  options.position_refresh = std::chrono::milliseconds(200);
  open();
  Driver driver(*store);
  driver.ready().read_until(1);
  driver.append(Slice().next(1));
  driver.commit(42);
  driver.until("the positions to be committed again", [&] { return cycle().ends_with("-0"); });
  CAF_CHECK_EQUAL(committed().next.value_or(Offset{-1}).value, 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
