// Identifiers and hashes: uuids (random and derived), correlation ids, the partition of a key.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "eventy/core/types.hpp"

namespace eventy {

// 36 characters, lower case, version 4. Drawn from a per-thread pool that getrandom fills. Any thread may
// call it.
std::string random_uuid();
bool is_uuid(std::string_view text);     // 8-4-4-4-12 hexadecimal digits
bool is_uuid_v4(std::string_view text);  // of version 4 and the RFC 4122 variant

// Derives a uuid in v4 form from its inputs alone, so a repeated turn gives its outputs the same uuids. Not
// cryptographic.
class UuidDeriver {
 public:
  explicit UuidDeriver(std::string_view seed);  // for example the service's namespace and the handler
  // Writes 36 characters to `out`: the uuid of output number `ordinal` for the input `input_id`.
  void derive(std::string_view input_id, std::uint64_t ordinal, std::span<char, 36> out) const;

 private:
  std::uint64_t seed_[2];
};

// `SERVICE:NAME:RANDOM`. RANDOM is 8 bytes in URL-safe base64 without padding (runtime/core/protocol.md,
// "Record").
std::string make_correlation_id(std::string_view service, std::string_view name);  // random
// With given bytes; `random` is written high byte first.
std::string make_correlation_id(std::string_view service, std::string_view name, std::uint64_t random);

std::uint32_t crc32(std::string_view bytes);  // ISO 3309, as librdkafka's consistent partitioner uses it
// crc32(key) modulo `partitions`, which must not be 0.
PartitionId partition_of(std::string_view key, std::uint32_t partitions);
std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace eventy
