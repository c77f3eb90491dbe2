// What the fuzz targets demand of a decoder, whatever bytes it gets; see README.md. A demand that is not kept
// ends the process, as a crash does. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "eventy/core/serializer.hpp"

namespace eventy::fuzz {

[[noreturn]] void fail(std::string_view what);
inline void require(bool kept, std::string_view what) {
  if (!kept) fail(what);
}

// How much more memory was in use at once than when the watch began.
class MemoryWatch {
 public:
  MemoryWatch();
  std::size_t peak() const;
};

// What a decoder may use at once for a number of bytes, the tree of all its values included.
constexpr std::size_t most_memory(std::size_t bytes) { return (512u << 10) + 256 * bytes; }

// Everything in it, reals by their bits; equal texts are equal records.
std::string print(const Record& record);

// Decodes twice with other bytes behind the record, reads all of it, and encodes what came out again.
void judge_records(const Serializer& format, std::string_view bytes);

}  // namespace eventy::fuzz

// Each target defines it.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);
