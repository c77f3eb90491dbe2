#include "place_record.hpp"

#include <cstddef>

#include "keys.hpp"

namespace eventy::rocksdb::detail {
namespace {

constexpr std::uint32_t layout_version = 2;  // 1 had no numbers
constexpr std::size_t head = 4 + 8 + 8 + 8;

}  // namespace

std::string place_record(const PlaceRecord& record) {
  std::string out;
  put32(out, layout_version);
  put64(out, record.write);
  put64(out, static_cast<std::uint64_t>(record.place.next.value));
  put64(out, static_cast<std::uint64_t>(record.place.synced.time_since_epoch().count()));
  return out += record.place.log;
}

Result<PlaceRecord> read_place_record(std::string_view bytes) {
  if (bytes.size() < 4) return Error{ErrorCode::corrupt, "its place in the log is no such record"};
  if (const auto version = get32(bytes); version != layout_version)
    return Error{ErrorCode::newer_format, "it has format " + std::to_string(version) +
                                              ", this version knows " + std::to_string(layout_version)};
  if (bytes.size() < head) return Error{ErrorCode::corrupt, "its place in the log is cut off"};
  PlaceRecord record;
  record.write = get64(bytes.substr(4));
  record.place.next = Offset{static_cast<std::int64_t>(get64(bytes.substr(12)))};
  record.place.synced = Instant(Instant::duration(static_cast<std::int64_t>(get64(bytes.substr(20)))));
  record.place.log = bytes.substr(head);
  return record;
}

}  // namespace eventy::rocksdb::detail
