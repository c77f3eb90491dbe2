// Base64 with the standard alphabet and padding (RFC 4648, section 4).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace eventy::json::detail {

constexpr std::size_t base64_size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

// Writes base64_size(bytes.size()) characters to `to` and returns their end.
char* encode_base64(std::span<const std::byte> bytes, char* to);

// Replaces `out`. False where the text is not base64: an encoding has exactly one spelling.
bool decode_base64(std::string_view text, std::vector<std::byte>& out);

}  // namespace eventy::json::detail
