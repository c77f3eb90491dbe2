// How soon librdkafka reads a partition again that it was told to hold back, on a real broker.
// ctest: KAFKA
#define CAF_SUITE kafka_resume

#include "conformance/driver.hpp"
#include "eventy/kafka/kafka_store.hpp"
#include "support/kafka_broker.hpp"

#include "caf/test/unit_test.hpp"

using namespace eventy;
using conformance::Driver;

namespace {

constexpr int starts = 5;
constexpr std::chrono::milliseconds at_once{
    500};  // measured: up to 80 ms, and 760 or more where nothing wakes it

}  // namespace

// Each partition is held back until its state is there.
CAF_TEST(a_restored_partition_is_read_at_once) {
  kafka::Options options;
  options.bootstrap = eventy::tests::kafka_bootstrap();
  options.prefix = eventy::tests::unique_prefix();
  const auto store = kafka::open(options).value();
  store->ensure_topics({{"in", 1}, {"out", 1}}).value();
  store->append("in", {conformance::record("a")}).value();
  int late = 0;
  for (int i = 0; i < starts; ++i) {
    Driver driver(*store, conformance::driver_options("s" + std::to_string(i)));
    driver.ready();
    const auto restored = std::chrono::steady_clock::now();
    driver.read_until(1);
    late += std::chrono::steady_clock::now() - restored > at_once;
  }
  CAF_CHECK(late <= 1);  // a busy machine may be late once
}
