// Replaces RocksDB's CRC32C in the program that links this file (CMake: EVENTY_ROCKSDB_FAST_CHECKSUM).
//
// Debian builds RocksDB for the oldest processors, so its CRC32C reads tables. RocksDB calls this function
// through the dynamic linker, which finds the program's definition first. It returns the same numbers, by the
// processor's instruction. Where RocksDB is linked so that its calls stay inside, nothing changes.
#include <cstddef>
#include <cstdint>

#include "eventy/store/crc32c.hpp"

namespace rocksdb::crc32c {

std::uint32_t Extend(std::uint32_t before, const char* data, std::size_t size);
std::uint32_t Extend(std::uint32_t before, const char* data, std::size_t size) {
  return eventy::crc32c({data, size}, before);
}

}  // namespace rocksdb::crc32c
