// YAML as values. Scalars have the types of Python's SafeLoader (YAML 1.1), with which the peer reads the
// same files.
#pragma once

#include <string>

#include "eventy/core/codec.hpp"

namespace eventy::avro::detail {

// Throws DecodeError with line and column.
Value parse_yaml(const std::string& text);

}  // namespace eventy::avro::detail
