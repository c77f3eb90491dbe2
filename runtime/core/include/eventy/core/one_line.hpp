// Makes text from outside safe to show in a line of a log, a dead letter or a screen.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace eventy {

// The most bytes of a reason that is stored or logged.
inline constexpr std::size_t longest_reason = 4096;

// Escapes (`\n`, `\xNN`) what would end the line, move a terminal's cursor or reorder the text, and invalid
// UTF-8. Takes at most `most` bytes of the text; `...` at the end shows that the text was longer.
std::string one_line(std::string_view text, std::size_t most = longest_reason);

}  // namespace eventy
