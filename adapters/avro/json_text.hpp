// Schemas as JSON text. Reading is safe for text from outside; writing is what Python's json.dumps makes of
// it, since the peer's schemas are compared byte by byte.
#pragma once

#include <string>
#include <string_view>

#include "eventy/core/codec.hpp"

namespace eventy::avro::detail {

Value parse_json(std::string_view text);  // throws DecodeError
std::string python_json(const Value& json);
std::string python_real(double value);  // as repr() spells it

}  // namespace eventy::avro::detail
