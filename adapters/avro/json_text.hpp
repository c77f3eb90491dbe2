// Schemas as JSON text. Reading is safe for untrusted text. Writing produces the text of Python's json.dumps,
// because the schemas must equal the peer's byte for byte.
#pragma once

#include <string>
#include <string_view>

#include "eventy/core/codec.hpp"

namespace eventy::avro::detail {

Value parse_json(std::string_view text);  // throws DecodeError
std::string python_json(const Value& json);
std::string python_real(double value);  // the text of Python's repr()

}  // namespace eventy::avro::detail
