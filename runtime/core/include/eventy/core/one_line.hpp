// Text from outside, made fit for a line of a log, a dead letter or a screen.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace eventy {

// What a reason that is stored or logged may have, in bytes.
inline constexpr std::size_t longest_reason = 4096;

// The text with everything escaped that would end the line, move a terminal's cursor or reorder what is
// shown, and broken UTF-8 too: `\n`, `\xNN`. At most `most` bytes of the text are taken; `...` at the end
// says that more were there.
std::string one_line(std::string_view text, std::size_t most = longest_reason);

}  // namespace eventy
