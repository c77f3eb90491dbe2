// What a consumer knows of its group.
#define CAF_SUITE kafka_group
#include <caf/test/unit_test.hpp>

#include "adapters/kafka/group.hpp"

namespace eventy::kafka::detail {

// Brokers take the positions of one that has not, from whomever.
CAF_TEST(a consumer that never joined is told from a member) {
  const GroupMetadata never(rd_kafka_consumer_group_metadata_new("counter"));
  CAF_CHECK(!has_joined(*never));
  const GroupMetadata no_member(rd_kafka_consumer_group_metadata_new_with_genid("counter", 3, "", "node"));
  CAF_CHECK(!has_joined(*no_member));
  const GroupMetadata no_generation(
      rd_kafka_consumer_group_metadata_new_with_genid("counter", -1, "member", "node"));
  CAF_CHECK(!has_joined(*no_generation));
  const GroupMetadata member(rd_kafka_consumer_group_metadata_new_with_genid("counter", 0, "member", "node"));
  CAF_CHECK(has_joined(*member));
}

}  // namespace eventy::kafka::detail
