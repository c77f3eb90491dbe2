// The name of a node: of this process among those that share a service's work. A store makes its members' and
// its transactions' ids of it, so it has to be the same after a restart and different for each node.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace eventy {

inline constexpr std::size_t longest_node_id = 128;

// Letters, digits, '.', '_' and '-', at most longest_node_id of them: what Kafka takes in ids of members.
bool is_node_id(std::string_view id);

// HOST-HASH8: the host's name, and a checksum of the folder's absolute path without symbolic links.
std::string default_node_id(const std::filesystem::path& folder);

}  // namespace eventy
