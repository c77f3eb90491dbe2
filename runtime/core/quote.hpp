// Makes text from outside safe for a log line: escapes control characters and invalid UTF-8, and limits the
// length.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace eventy::detail {

inline constexpr std::size_t quote_limit = 80;  // of the text that a message shows

std::string printable(std::string_view text);  // ends with `...` if the text was cut
std::string quoted(std::string_view text);     // the same in double quotes, with quotes inside escaped

}  // namespace eventy::detail
