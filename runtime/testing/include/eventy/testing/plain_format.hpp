// A small binary format without any library, so that a Bench needs no codec. For tests only; it may change.
#pragma once

#include <memory>

#include "eventy/core/serializer.hpp"

namespace eventy::testing {

std::shared_ptr<const Serializer> plain_serializer();
std::shared_ptr<const StateFormat> plain_state_format();

}  // namespace eventy::testing
