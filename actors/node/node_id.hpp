// The id of a node, which distinguishes this process from others that share a service's work. A store derives
// the ids of its group members and transactions from it, so it must be the same after a restart and unique
// per node.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace eventy {

inline constexpr std::size_t longest_node_id = 128;

// Letters, digits, '.', '_' and '-', at most longest_node_id of them: what Kafka accepts in member ids.
bool is_node_id(std::string_view id);

// HOST-HASH8: the host's name and a checksum of the folder's absolute path, with symbolic links resolved.
std::string default_node_id(const std::filesystem::path& folder);

}  // namespace eventy
