// Text from outside, made fit for a log line: control characters and broken UTF-8 escaped, the length capped.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace eventy::detail {

inline constexpr std::size_t quote_limit = 80;  // bytes of the original that a message shows

std::string printable(std::string_view text);  // `...` at its end where something was cut off
std::string quoted(std::string_view text);     // the same between double quotes, with quotes inside escaped

}  // namespace eventy::detail
