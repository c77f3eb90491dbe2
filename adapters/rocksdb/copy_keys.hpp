// Keys of the database of local copies. Each copy of a service's partition has a number, from 1.
// Integers are big-endian; a name or a user's key is the tail of its key. Pure functions.
//
//   key                                value
//   u32 0, 'f'                         u32 version of this layout
//   u32 0, 'n', u32 partition, service u32 number of the copy
//   u32 0, 'w'                         u64 number of the last write, from 1; part of each write
//   u32 number, 'k', the user's key    the user's bytes
//   u32 number, 'p'                    the copy's place in its log: u64 next offset, u64 time of the last
//                                      sync in ms since 1970, the log's id
#pragma once

#include <string>
#include <string_view>

#include "eventy/store/local_state.hpp"
#include "keys.hpp"

namespace eventy::rocksdb::detail {

inline constexpr std::uint32_t copies_format = 3;  // 1 and 2 had one database per copy
inline constexpr std::string_view copies_format_key{"\0\0\0\0f", 5};
inline constexpr std::string_view write_number_key{"\0\0\0\0w", 5};
inline constexpr std::string_view copy_names_prefix{"\0\0\0\0n", 5};
inline constexpr std::size_t copy_prefix_size = 5;  // bytes before the user's key

inline std::string copy_name_key(std::string_view service, std::uint32_t partition) {
  std::string key(copy_names_prefix);
  put32(key, partition);
  return key.append(service);
}
inline std::string copy_prefix(std::uint32_t copy, char kind) {
  std::string key;
  put32(key, copy);
  return key += kind;
}
inline std::string states_prefix(std::uint32_t copy) { return copy_prefix(copy, 'k'); }
// All of a copy's states lie between these two keys. The first must not have the prefix of a state: RocksDB
// keeps an insert hint per prefix, and would use the hint of a state's key for the range tombstone.
inline std::string before_states(std::uint32_t copy) { return copy_prefix(copy, 'k' - 1); }
inline std::string behind_states(std::uint32_t copy) { return copy_prefix(copy, 'k' + 1); }
inline std::string place_key(std::uint32_t copy) { return copy_prefix(copy, 'p'); }

std::string place_record(const LogPosition& place);
Result<LogPosition> read_place_record(std::string_view bytes);

}  // namespace eventy::rocksdb::detail
