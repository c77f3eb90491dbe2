// What a consumer knows of its group.
#define CAF_SUITE kafka_group
#include <caf/test/unit_test.hpp>

#include "adapters/kafka/group.hpp"

namespace eventy::kafka::detail {

// Brokers take the positions of one that has not, from whomever.
CAF_TEST(a_consumer_that_never_joined_is_told_from_a_member) {
  const GroupMetadata never(rd_kafka_consumer_group_metadata_new("counter"));
  CAF_CHECK(member_of(*never) == "");
  const GroupMetadata no_member(rd_kafka_consumer_group_metadata_new_with_genid("counter", 3, "", "node"));
  CAF_CHECK(member_of(*no_member) == "");
  const GroupMetadata no_generation(
      rd_kafka_consumer_group_metadata_new_with_genid("counter", -1, "member", "node"));
  CAF_CHECK(member_of(*no_generation) == "");
  const GroupMetadata member(rd_kafka_consumer_group_metadata_new_with_genid("counter", 0, "member", "node"));
  CAF_CHECK(member_of(*member) == "member");
}

// A call may succeed as a whole and fail for some of its partitions.
CAF_TEST(an_error_of_one_partition_in_a_list_is_an_error) {
  const auto list = make_list(2);
  rd_kafka_topic_partition_list_add(list.get(), "in", 0);
  auto* second = rd_kafka_topic_partition_list_add(list.get(), "in", 7);
  CAF_CHECK(check_each(*list, "cannot go back").ok());
  second->err = RD_KAFKA_RESP_ERR__STATE;
  const auto checked = check_each(*list, "cannot go back");
  CAF_REQUIRE(!checked.ok());
  CAF_CHECK(checked.error().message.find("cannot go back: topic in partition 7") != std::string::npos);
}

}  // namespace eventy::kafka::detail
