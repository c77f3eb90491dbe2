// Questions about a consumer group, and about what a consumer knows of it.
#pragma once

#include <cstddef>
#include <set>

#include "client.hpp"

namespace eventy::kafka::detail {

struct Membership {                    // of a group that does not exist: nothing
  bool stable = false;                 // no rebalance is under way
  std::set<std::string> members = {};  // their static ids
  std::size_t assigned = 0;            // partitions, to all of them
};
Result<Membership> membership_of(Client& client, const std::string& group);

// Whether this is of a member that has joined. One that has not is let through by brokers without any check.
bool has_joined(const rd_kafka_consumer_group_metadata_t& group);

}  // namespace eventy::kafka::detail
