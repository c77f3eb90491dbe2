// Base64 with the standard alphabet and padding (RFC 4648, section 4). Pure functions; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace eventy {

constexpr std::size_t base64_size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

// The most bytes that a text of this many characters stands for.
constexpr std::size_t max_bytes_of_base64(std::size_t characters) { return characters / 4 * 3; }

// Writes base64_size(bytes.size()) characters to `to` and returns their end.
char* encode_base64(std::span<const std::byte> bytes, char* to);

// Writes the bytes that the text stands for to `to`, which has room for max_bytes_of_base64(text.size()).
// Returns how many they are, or nullopt where the text is not base64: an encoding has exactly one spelling.
std::optional<std::size_t> decode_base64(std::string_view text, std::byte* to);

}  // namespace eventy
