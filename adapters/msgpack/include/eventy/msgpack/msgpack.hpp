// MessagePack: records in half the bytes of JSON, and the states of services.
// The formats are immutable and any thread may share them; what they make belongs to one thread. Values are
// https://github.com/msgpack/msgpack/blob/master/spec.md, bytes as bin, instants as its timestamp extension.
#pragma once

#include <memory>

#include "eventy/core/serializer.hpp"

namespace eventy::msgpack {

// A record is one map with the members of the protocol's JSON in the same order, its date as `date_timestamp`
// alone. Not for exchange with the Python peer, which has no MessagePack.
std::shared_ptr<const Serializer> serializer();

// A state is one value. Its writers, like those of records, throw std::invalid_argument for text that is not
// UTF-8.
std::shared_ptr<const StateFormat> state_format();

}  // namespace eventy::msgpack
