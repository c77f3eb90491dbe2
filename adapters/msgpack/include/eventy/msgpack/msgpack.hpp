// MessagePack for records, in half the bytes of JSON, and for the states of services.
// The formats are immutable and threads may share them. An encoder or decoder belongs to one thread. Values
// follow https://github.com/msgpack/msgpack/blob/master/spec.md: bytes are bin, instants are timestamps.
#pragma once

#include <memory>

#include "eventy/core/serializer.hpp"

namespace eventy::msgpack {

// A record is one map with the members of the protocol's JSON in the same order; its only date is
// `date_timestamp`. Not for exchange with the Python peer, which does not support MessagePack.
std::shared_ptr<const Serializer> serializer();

// A state is one value. Its writers, like those of records, throw std::invalid_argument for text that is not
// UTF-8.
std::shared_ptr<const StateFormat> state_format();

}  // namespace eventy::msgpack
