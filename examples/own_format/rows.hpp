// An example of your own format: a record as a JSON list without member names, in the protocol's order.
#pragma once

#include <memory>

#include "eventy/core/serializer.hpp"

namespace own_format {

std::shared_ptr<const eventy::Serializer> rows();

}  // namespace own_format
