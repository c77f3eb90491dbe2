// A format of one's own: a record as one JSON list without the names of its members, in the protocol's order.
#pragma once

#include <memory>

#include "eventy/core/serializer.hpp"

namespace own_format {

std::shared_ptr<const eventy::Serializer> rows();

}  // namespace own_format
