// Where a record was stored.
#pragma once

#include <string>

#include "eventy/core/types.hpp"

namespace eventy {

struct Stored {
  std::string topic = {};
  PartitionId partition = {};
  Offset offset = {};
  bool is_duplicate = false;  // a record with the same idempotency key was stored there before
};

}  // namespace eventy
