// What is parked of a service, and how it is released. Works on any store, from any process that can open it;
// the partition that owns the key does the rest, in the order of the key, wherever it runs.
#pragma once

#include <string>
#include <vector>

#include "eventy/engine/runtime.hpp"

namespace eventy {

// Name of the request that releases its key. It belongs to the namespace of the service and has no data.
inline constexpr std::string_view release_request_name = "eventy.release";

struct ParkedKey {
  PartitionId partition = {};
  std::string key = {};
  std::uint64_t records = 0;  // that wait
  Instant since = {};
  std::string reason = {};  // why the first of them failed
};

// From committed state.
Result<std::vector<ParkedKey>> parked_keys(const RecordStore& store, const StateFormat& format,
                                           const std::string& service);

// Asks for the release by a request in the service's request topic, in the partition where the key is parked:
// it is kept until the service reads it. A key that is not parked there is left as it is. An error also where
// the serializer of that topic cannot write the request.
Result<void> release_key(RecordStore& store, const ServiceRuntime& service, const ParkedKey& key);

}  // namespace eventy
