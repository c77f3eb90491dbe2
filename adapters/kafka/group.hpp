// Questions about a consumer group, and about what a consumer knows of it.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client.hpp"

namespace eventy::kafka::detail {

struct Membership {                       // of a group that does not exist: nothing
  bool stable = false;                    // no rebalance is under way
  std::set<std::string> members = {};     // their static ids
  std::size_t assigned = 0;               // partitions, to all of them
  std::vector<std::string> foreign = {};  // what is known of members that are no nodes of the service
};
// Errors: timed_out, where no answer came, or none before `stop` was requested.
Result<Membership> membership_of(Client& client, const std::string& group, const std::stop_token& stop = {});
// That there are foreign members, which take part of the service's partitions and move its positions.
Error foreign_members(const std::string& group, const Membership& now);

// The member's id; empty: it has not joined, and brokers let it through without any check. Nullopt: a later
// librdkafka says it in a form that is not known here.
std::optional<std::string> member_of(const rd_kafka_consumer_group_metadata_t& group);

}  // namespace eventy::kafka::detail
