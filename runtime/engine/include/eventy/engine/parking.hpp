// Lists the parked keys of a service and releases them. Works on any store, from any process that can open
// it. The partition that owns a key handles the release, wherever it runs, in the order of the key.
#pragma once

#include <string>
#include <vector>

#include "eventy/engine/runtime.hpp"

namespace eventy {

// The name of the request that releases its key. It belongs to the namespace of the service and has no data.
inline constexpr std::string_view release_request_name = "eventy.release";

struct ParkedKey {
  PartitionId partition = {};
  std::string key = {};
  std::uint64_t records = 0;  // parked
  Instant since = {};
  std::string reason = {};  // why the first of them failed
};

// From committed state.
Result<std::vector<ParkedKey>> parked_keys(const RecordStore& store, const StateFormat& format,
                                           const std::string& service);

// Appends a request for the release to the service's request topic, in the partition where the key is parked.
// It is kept until the service reads it. Does nothing to a key that is not parked there. Also an error: the
// serializer of that topic cannot write the request.
Result<void> release_key(RecordStore& store, const ServiceRuntime& service, const ParkedKey& key);

}  // namespace eventy
