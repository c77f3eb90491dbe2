// Records that are too large, on a real broker: its topics take less than the inputs.
// ctest: KAFKA
#define CAF_SUITE kafka_oversized

#include "oversized_records.hpp"

#include "adapters/kafka/changelog.hpp"
#include "eventy/kafka/kafka_store.hpp"
#include "support/kafka_broker.hpp"

using namespace eventy;
using faults::oversized::partitions;

CAF_TEST(a_record_that_is_too_large_fails_alone_on_kafka) {
  kafka::Options options;
  options.bootstrap = eventy::tests::kafka_bootstrap();
  options.prefix = eventy::tests::unique_prefix();
  auto small = options;
  small.max_record_bytes = 40'000;  // max.message.bytes becomes 64 KiB and this
  const auto client = kafka::detail::Client::make(small).value();
  client->ensure({{"sizes-events", partitions}, {"sizes-returns", partitions}}, kafka::detail::Cleanup::keep)
      .value();
  client->ensure({{kafka::detail::changelog_of("sizes"), partitions}}, kafka::detail::Cleanup::compact)
      .value();
  faults::oversized::run(*kafka::open(options).value());
}
