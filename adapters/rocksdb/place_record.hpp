// What a copy has at the key 'p': the place in the log that it stands for, and the number of the write that
// left it, from 1 on. Pure functions.
//
//   u32 version of this layout, u64 number of the write, u64 next offset, u64 ms since 1970 of the last sync,
//   which log
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "eventy/store/local_state.hpp"

namespace eventy::rocksdb::detail {

inline constexpr char place_key[] = "p";

struct PlaceRecord {
  std::uint64_t write = 0;
  LogPlace place = {};
};

std::string place_record(const PlaceRecord& record);
Result<PlaceRecord> read_place_record(std::string_view bytes);

}  // namespace eventy::rocksdb::detail
