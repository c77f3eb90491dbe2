// Identifiers and hashes: uuids, random and derived; correlation ids; the partition of a key.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "eventy/core/types.hpp"

namespace eventy {

// 36 characters, lower case, version 4. Drawn from a pool that getrandom fills; any thread.
std::string random_uuid();
bool is_uuid(std::string_view text);     // 8-4-4-4-12 hexadecimal digits
bool is_uuid_v4(std::string_view text);  // of version 4 and the RFC 4122 variant

// A uuid in v4 form that is a function of its inputs alone: a repeat has the same uuid. Not cryptographic.
class UuidDeriver {
 public:
  explicit UuidDeriver(std::string_view seed);  // for example service namespace and handler
  // Writes 36 characters to `out`: the uuid of output number `ordinal` of the input with that id.
  void derive(std::string_view input_id, std::uint64_t ordinal, std::span<char, 36> out) const;

 private:
  std::uint64_t seed_[2];
};

// `SERVICE:NAME:RANDOM`. RANDOM is 8 bytes in URL-safe base64 without padding (runtime/core/protocol.md,
// "Record").
std::string make_correlation_id(std::string_view service, std::string_view name);  // random
std::string make_correlation_id(std::string_view service, std::string_view name,
                                std::uint64_t random);  // given, high byte first

std::uint32_t crc32(std::string_view bytes);  // ISO 3309, as librdkafka's consistent partitioner uses it
PartitionId partition_of(std::string_view key,
                         std::uint32_t partitions);  // crc32 modulo the count, which is not 0
std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace eventy
