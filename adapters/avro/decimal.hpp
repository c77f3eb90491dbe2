// Avro's decimals: a whole number in two's complement, high byte first, and a scale from the schema.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace eventy::avro::detail {

inline constexpr std::size_t max_decimal_bytes = 128;  // some 300 digits; conversion takes quadratic time

// The text, such as `-12.30`, with exactly `scale` digits after the point. nullopt: more than
// max_decimal_bytes.
std::optional<std::string> decimal_text(std::string_view unscaled, std::size_t scale);

// The shortest bytes for a text such as `-12.3`, `1e3` or `12`. nullopt: the text is not a decimal, or has
// more digits after the point than `scale`, or more digits in all than `precision`.
std::optional<std::string> decimal_bytes(std::string_view text, std::size_t precision, std::size_t scale);

}  // namespace eventy::avro::detail
