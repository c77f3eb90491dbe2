// Questions about a consumer group, and about what a consumer knows of it.
#pragma once

#include <set>

#include "client.hpp"

namespace eventy::kafka::detail {

// The static ids of the group's members. `ids` of a group that does not exist: none.
Result<std::set<std::string>> members_of(Client& client, const std::string& group);

// Whether this is of a member that has joined. One that has not is let through by brokers without any check.
bool has_joined(const rd_kafka_consumer_group_metadata_t& group);

}  // namespace eventy::kafka::detail
