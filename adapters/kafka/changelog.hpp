// The changelog of a service's states: one compacted topic, with the partitions of the service. Key of a
// record: u16 size of the keyspace's name (big-endian), the name, the user's key; value: the user's bytes; no
// value: the key was forgotten.
#pragma once

#include "client.hpp"
#include "reader.hpp"

namespace eventy::kafka::detail {

inline std::string changelog_of(const std::string& service) { return service + "-changelog"; }

inline std::string changelog_key(std::string_view keyspace, std::string_view key) {
  std::string out;
  out += static_cast<char>(keyspace.size() >> 8), out += static_cast<char>(keyspace.size() & 0xff);
  return out.append(keyspace).append(key);
}
struct ChangelogKey {
  std::string_view keyspace, key;
};
inline std::optional<ChangelogKey> split_changelog_key(std::string_view bytes) {
  if (bytes.size() < 2) return {};
  const std::size_t size =
      std::size_t{static_cast<unsigned char>(bytes[0])} << 8 | static_cast<unsigned char>(bytes[1]);
  if (bytes.size() < 2 + size) return {};
  return ChangelogKey{bytes.substr(2, size), bytes.substr(2 + size)};
}

// Brings a copy up to the end of the log, of all transactions that are decided by then. `progress` is told of
// offsets.
Result<void> restore(Client& client, const std::string& service, PartitionId partition, LocalState& copy,
                     const std::function<void(std::uint64_t done, std::uint64_t total)>& progress);

}  // namespace eventy::kafka::detail
