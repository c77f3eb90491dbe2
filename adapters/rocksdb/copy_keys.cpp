#include "copy_keys.hpp"

namespace eventy::rocksdb::detail {
namespace {

constexpr std::size_t head = 8 + 8;

}  // namespace

std::string place_record(const LogPosition& place) {
  std::string out;
  put64(out, static_cast<std::uint64_t>(place.next.value));
  put64(out, static_cast<std::uint64_t>(place.synced.time_since_epoch().count()));
  return out += place.log;
}

Result<LogPosition> read_place_record(std::string_view bytes) {
  if (bytes.size() < head) return Error{ErrorCode::corrupt, "the copy's place in the log is incomplete"};
  LogPosition place;
  place.next = Offset{static_cast<std::int64_t>(get64(bytes))};
  place.synced = Instant(Instant::duration(static_cast<std::int64_t>(get64(bytes.substr(8)))));
  place.log = bytes.substr(head);
  return place;
}

}  // namespace eventy::rocksdb::detail
