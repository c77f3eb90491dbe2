// Makes RocksDB's checksum fast, see checksum.cpp.
#pragma once

#include <cstdint>

namespace eventy::rocksdb::detail {

// Does nothing; whoever calls it gets the file into the program.
void use_fast_checksum();

}  // namespace eventy::rocksdb::detail
