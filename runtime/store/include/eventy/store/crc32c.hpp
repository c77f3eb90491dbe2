// CRC32C (Castagnoli), with the processor's instruction where it has one. Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace eventy {

// The checksum of `bytes`, or of what `before` is the checksum of, followed by `bytes`.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

}  // namespace eventy
