#include "eventy/core/partitioner.hpp"

#include <array>
#include <stdexcept>

#include "eventy/core/ids.hpp"

namespace eventy {

namespace {
constexpr std::array<std::pair<Partitioner, std::string_view>, 3> names = {
    {{Partitioner::crc32, "crc32"}, {Partitioner::murmur2, "murmur2"}, {Partitioner::fnv1a, "fnv1a"}}};

std::uint32_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}
}  // namespace

std::string_view to_string(Partitioner partitioner) {
  return names[static_cast<std::size_t>(partitioner)].second;
}

std::string_view users_of(Partitioner partitioner) {
  switch (partitioner) {
    case Partitioner::murmur2:
      return "the default of Java clients";
    case Partitioner::fnv1a:
      return "the default of Sarama";
    default:
      return "the default of librdkafka";
  }
}

std::optional<Partitioner> partitioner_named(std::string_view name) {
  for (const auto& [partitioner, known] : names)
    if (name == known) return partitioner;
  return std::nullopt;
}

PartitionId partition_of(std::string_view key, std::uint32_t partitions, Partitioner partitioner) {
  if (partitions == 0) throw std::invalid_argument("partition_of: a topic has at least one partition");
  switch (partitioner) {
    case Partitioner::murmur2:
      return {(murmur2(key) & 0x7fffffff) % partitions};  // as Java does, which has no unsigned numbers
    case Partitioner::fnv1a:
      return {fnv1a(key) % partitions};
    default:
      return partition_of(key, partitions);
  }
}

bool spreads_empty_keys(Partitioner partitioner) { return partitioner == Partitioner::crc32; }

// By Austin Appleby (public domain).
std::uint32_t murmur2(std::string_view bytes) {
  constexpr std::uint32_t seed = 0x9747b28c, factor = 0x5bd1e995;
  std::uint32_t hash = seed ^ static_cast<std::uint32_t>(bytes.size());
  std::size_t at = 0;
  for (; bytes.size() - at >= 4; at += 4) {
    std::uint32_t word = byte_at(bytes, at) | byte_at(bytes, at + 1) << 8 | byte_at(bytes, at + 2) << 16 |
                         byte_at(bytes, at + 3) << 24;
    word *= factor;
    word ^= word >> 24;
    word *= factor;
    hash *= factor;
    hash ^= word;
  }
  if (at < bytes.size()) {
    for (std::size_t i = at; i < bytes.size(); ++i) hash ^= byte_at(bytes, i) << (8 * (i - at));
    hash *= factor;
  }
  hash ^= hash >> 13;
  hash *= factor;
  return hash ^ hash >> 15;
}

std::uint32_t fnv1a(std::string_view bytes) {
  std::uint32_t hash = 0x811c9dc5;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x01000193;
  }
  return hash & 0x80000000 ? 0 - hash : hash;
}

}  // namespace eventy
