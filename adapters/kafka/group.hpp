// Requests about a consumer group, and what a consumer knows of it. Functions; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client.hpp"

namespace eventy::kafka::detail {

struct Membership {                       // empty for a group that does not exist
  bool stable = false;                    // no rebalance is under way
  std::set<std::string> members = {};     // their static ids
  std::size_t assigned = 0;               // partitions, to all of them
  std::vector<std::string> foreign = {};  // descriptions of members that are not nodes of the service
};
// Errors: timed_out, if no answer came in time, or none before `stop` was requested.
Result<Membership> membership_of(Client& client, const std::string& group, const std::stop_token& stop = {});
// The error for foreign members, which take partitions of the service and move its positions.
Error foreign_members(const std::string& group, const Membership& now);

// The member's id. Empty: it has not joined, and brokers accept its positions without a check. Nullopt: this
// librdkafka has a form of metadata that is unknown here.
std::optional<std::string> member_of(const rd_kafka_consumer_group_metadata_t& group);

}  // namespace eventy::kafka::detail
