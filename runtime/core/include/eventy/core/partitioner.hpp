// The functions that map a key to a partition, by the names that a configuration uses. All producers of a
// topic must use the same one; otherwise records of one key land in two partitions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "eventy/core/types.hpp"

namespace eventy {

enum class Partitioner : std::uint8_t {
  crc32,    // consistent_random: librdkafka's default, so that of C, Python, .NET and Go clients on top of it
  murmur2,  // murmur2_random: the default of Java clients
  fnv1a     // fnv1a_random: Sarama's default
};
inline constexpr std::array all_partitioners{Partitioner::crc32, Partitioner::murmur2, Partitioner::fnv1a};
std::string_view to_string(Partitioner partitioner);
std::string_view users_of(Partitioner partitioner);  // the clients whose default it is, for messages
std::optional<Partitioner> partitioner_named(std::string_view name);

// `partitions` must not be 0.
PartitionId partition_of(std::string_view key, std::uint32_t partitions, Partitioner partitioner);

// True if the partitioner treats an empty key as no key and spreads such records over all partitions. Only
// crc32 does; the others map the empty key to one partition.
bool spreads_empty_keys(Partitioner partitioner);

std::uint32_t murmur2(std::string_view bytes);  // MurmurHash2 with the seed of Kafka's Java client
// FNV-1a, as the absolute value of the signed number, as Sarama computes it.
std::uint32_t fnv1a(std::string_view bytes);

}  // namespace eventy
