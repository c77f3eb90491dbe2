// What the fuzz targets demand of a decoder, whatever bytes it gets; see README.md. A demand that is not kept
// ends the process, as a crash does. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "eventy/core/serializer.hpp"
#include "tests/fuzz/memory_watch.hpp"

namespace eventy::fuzz {

[[noreturn]] void fail(std::string_view what);
inline void require(bool kept, std::string_view what) {
  if (!kept) fail(what);
}

// What a decoder may use at once for a number of bytes, the tree of all its values included.
constexpr std::size_t max_memory(std::size_t bytes) { return (512u << 10) + 256 * bytes; }

inline std::string_view text_of(const unsigned char* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Everything in it, reals by their bits; equal texts are equal records.
std::string print(const Record& record);
// What print() gives of what comes out, or the error's text.
std::string outcome_of(Decoder& decoder, std::string_view bytes);

// Decodes twice with other bytes behind the record, reads all of it, and encodes what came out again, in
// `again` if the format cannot write what it reads. `extra_memory`: what is allowed besides max_memory().
struct Rules {
  const Serializer* again = nullptr;
  DecodeLimits limits = {};
  std::size_t extra_memory = 0;
};
void judge_records(const Serializer& format, std::string_view bytes, const Rules& rules = {});

// Cuts the bytes of a target into the parts that it needs; parts that are not there are empty or 0.
class Parts {
 public:
  explicit Parts(std::string_view bytes) : rest_(bytes) {}
  unsigned byte() { return rest_.empty() ? 0 : static_cast<unsigned char>(take(1)[0]); }
  std::string_view sized() { return take(byte() | byte() << 8); }  // behind two bytes of size, low one first
  std::string_view rest() const { return rest_; }

 private:
  std::string_view take(std::size_t size) {
    const auto part = rest_.substr(0, size);
    rest_.remove_prefix(part.size());
    return part;
  }
  std::string_view rest_;
};

// A file in memory with these bytes, for decoders that take a path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const;

 private:
  int file_;
};

}  // namespace eventy::fuzz

// Each target defines it.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);
