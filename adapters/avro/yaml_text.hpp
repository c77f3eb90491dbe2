// YAML as values, with the types that Python's SafeLoader gives to scalars (YAML 1.1), since the peer reads
// the same files with it.
#pragma once

#include <string>

#include "eventy/core/codec.hpp"

namespace eventy::avro::detail {

// Throws DecodeError that names line and column.
Value parse_yaml(const std::string& text);

}  // namespace eventy::avro::detail
