// How the partition of a key is found, by the names that a configuration uses. The producers of a topic must
// agree, or records with one key lie in two partitions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "eventy/core/types.hpp"

namespace eventy {

enum class Partitioner : std::uint8_t {
  crc32,    // librdkafka's default, consistent_random: of C, Python, .NET and Go clients on top of it
  murmur2,  // murmur2_random: the default of Java clients
  fnv1a     // fnv1a_random: Sarama's default
};
inline constexpr std::array all_partitioners{Partitioner::crc32, Partitioner::murmur2, Partitioner::fnv1a};
std::string_view to_string(Partitioner partitioner);
std::string_view users_of(Partitioner partitioner);  // whose default it is, for a person
std::optional<Partitioner> partitioner_named(std::string_view name);

// Of a count that is not 0.
PartitionId partition_of(std::string_view key, std::uint32_t partitions, Partitioner partitioner);

// Whether an empty key counts as none, whose records lie anywhere: crc32 has it so, the others give it one
// partition.
bool spreads_empty_keys(Partitioner partitioner);

std::uint32_t murmur2(std::string_view bytes);  // MurmurHash2 with the seed of Kafka's Java client
std::uint32_t fnv1a(std::string_view bytes);    // its absolute value as a signed number, as Sarama takes it

}  // namespace eventy
