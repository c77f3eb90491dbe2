// Texts that represent other values in JSON: bytes in base64, dates in ISO 8601.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "eventy/core/types.hpp"
#include "schema.hpp"

namespace eventy::avro::detail {

// nullopt where the text is not base64.
std::optional<std::string> bytes_in_base64(std::string_view text);

// Reads a date with an offset; for Logical::date also a day alone. nullopt also for a number without a
// logical type.
std::optional<Instant> instant_in(std::string_view text, Logical logical);

}  // namespace eventy::avro::detail
