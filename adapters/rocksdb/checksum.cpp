// Distributions build RocksDB for the oldest processors, so its CRC32C goes through tables: that was 40 % of
// the CPU time of writing records. RocksDB calls this function of its own by name; the definition here comes
// first in the search for symbols and gives the same numbers with the processor's instruction. Where RocksDB
// is linked so that its calls stay inside, nothing changes but the speed.
#include "checksum.hpp"

#include <cstddef>

#include "eventy/store/crc32c.hpp"

namespace rocksdb::crc32c {

std::uint32_t Extend(std::uint32_t before, const char* data, std::size_t size);
std::uint32_t Extend(std::uint32_t before, const char* data, std::size_t size) {
  return eventy::crc32c({data, size}, before);
}

}  // namespace rocksdb::crc32c

namespace eventy::rocksdb::detail {
void use_fast_checksum() {}
}  // namespace eventy::rocksdb::detail
