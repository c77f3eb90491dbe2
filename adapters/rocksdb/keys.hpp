// Keys of the database. Integers in keys are big-endian, so that keys sort as numbers. A name or a user's key
// is always the tail of its key, so it may hold any bytes. Pure functions.
//
//   column family  key                                                     value
//   meta, default  'c'                                                     u64 number of the last write
//                  'n'                                                     u32 next id
//                  't' topic name                                          u32 topic id, u32 partitions
//                  's' service name                                        u32 service id
//                  'k' u32 service id, keyspace name                       u32 keyspace id
//   records        u32 topic id, u32 partition, u64 LAST record's offset   chunk, see store/chunk.hpp
//   state          u32 keyspace id, u32 partition, the user's key          the user's bytes
//   positions      u32 service id, u32 topic id, u32 partition             u64 next offset to read
#pragma once

#include <rocksdb/slice.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace eventy::rocksdb::detail {

inline constexpr char cycle_key[] = "c";
inline constexpr char next_id_key[] = "n";
inline constexpr char topic_prefix = 't';
inline constexpr char service_prefix = 's';
inline constexpr char keyspace_prefix = 'k';

inline void put32(std::string& out, std::uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(v >> shift & 0xff);
}
inline void put64(std::string& out, std::uint64_t v) {
  put32(out, static_cast<std::uint32_t>(v >> 32));
  put32(out, static_cast<std::uint32_t>(v));
}
inline std::uint32_t get32(std::string_view in) {
  std::uint32_t v = 0;
  for (int i = 0; i < 4; ++i) v = v << 8 | static_cast<unsigned char>(in[static_cast<std::size_t>(i)]);
  return v;
}
inline std::uint64_t get64(std::string_view in) {
  return std::uint64_t{get32(in)} << 32 | get32(in.substr(4));
}

inline std::string pair_key(std::uint32_t first, std::uint32_t second) {
  std::string key;
  put32(key, first), put32(key, second);
  return key;
}
inline std::string record_key(std::uint32_t topic, std::uint32_t partition, std::int64_t last_offset) {
  std::string key = pair_key(topic, partition);
  put64(key, static_cast<std::uint64_t>(last_offset));
  return key;
}
inline std::string position_key(std::uint32_t service, std::uint32_t topic, std::uint32_t partition) {
  std::string key = pair_key(service, topic);
  put32(key, partition);
  return key;
}
inline std::string state_key(std::uint32_t keyspace, std::uint32_t partition, std::string_view user_key) {
  return pair_key(keyspace, partition).append(user_key);
}
inline std::string named_key(char prefix, std::string_view name) {
  return std::string(1, prefix).append(name);
}
inline std::string keyspace_key(std::uint32_t service, std::string_view name) {
  std::string key(1, keyspace_prefix);
  put32(key, service);
  return key.append(name);
}

inline std::string value32(std::uint32_t v) {
  std::string out;
  put32(out, v);
  return out;
}
inline std::string value64(std::uint64_t v) {
  std::string out;
  put64(out, v);
  return out;
}

// The first key after all keys with this prefix. The prefix must not be all 0xff.
inline std::string behind(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

inline std::string_view bytes(const ::rocksdb::Slice& s) { return {s.data(), s.size()}; }
inline ::rocksdb::Slice slice(std::string_view s) { return {s.data(), s.size()}; }

}  // namespace eventy::rocksdb::detail
