// CRC32C (Castagnoli), with the processor's instruction if it has one. Pure; any thread may call it.
#pragma once

#include <cstdint>
#include <string_view>

namespace eventy {

// The checksum of `bytes`; with `before`, the checksum of earlier bytes, that of both in sequence.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

}  // namespace eventy
