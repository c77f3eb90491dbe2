// Limits of the lines of a node's log, in every format.
#pragma once

#include "eventy/core/one_line.hpp"

namespace eventy {

inline constexpr std::size_t longest_message =
    2 * longest_reason;  // space for a reason and the text around it

}  // namespace eventy
