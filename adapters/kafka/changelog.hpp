// The changelog of a service's states: one compacted topic, with the partitions of the service. Key of a
// record: u16 size of the keyspace's name (big-endian), the name, the user's key. Value: the user's bytes; no
// value: the key was forgotten. One record of each partition is the log's name. Its key begins with a size
// that no keyspace has; its value identifies the incarnation of the topic, and lists the inputs of the
// partition that were begun. Values; any thread.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client.hpp"

namespace eventy::kafka::detail {

// For error messages: the other thing that an operator can do.
inline constexpr auto how_to_start_over =
    "start over: stop the service, and delete the offsets of its group, its changelog and the nodes' local "
    "copies of its states";

inline std::string changelog_of(const std::string& service) { return service + "-changelog"; }

inline std::string changelog_key(std::string_view keyspace, std::string_view key) {
  std::string out;
  out += static_cast<char>(keyspace.size() >> 8), out += static_cast<char>(keyspace.size() & 0xff);
  return out.append(keyspace).append(key);
}
struct ChangelogKey {
  std::string_view keyspace, key;
};
inline std::optional<ChangelogKey> split_changelog_key(std::string_view bytes) {
  if (bytes.size() < 2) return {};
  const std::size_t size =
      std::size_t{static_cast<unsigned char>(bytes[0])} << 8 | static_cast<unsigned char>(bytes[1]);
  if (bytes.size() < 2 + size) return {};
  return ChangelogKey{bytes.substr(2, size), bytes.substr(2 + size)};
}

inline constexpr std::string_view log_name_key =
    "\xff\xff"
    "log";
struct LogName {
  std::string incarnation = {};
  std::set<std::string> begun = {};  // inputs whose position was committed: a missing position is an error

  std::string text() const;
  static LogName read(std::string_view text);
};

// LogPosition::log of a copy: the incarnation, and the offset of the log's name.
struct LogNamePlace {
  std::string incarnation = {};
  Offset at = {-1};

  std::string text() const { return incarnation + "@" + std::to_string(at.value); }
  static LogNamePlace read(const std::string& text);
};
inline std::string incarnation_of(const LogPosition& place) {
  return place.log.substr(0, place.log.find('@'));
}

struct Restore;
// A name that is written to a log: its record, and what is noted after the commit.
class LogNameRecord {
 public:
  LogNameRecord(Restore& log, LogName name) : log_(log), name_(std::move(name)), text_(name_.text()) {}

  std::int32_t partition() const;
  std::vector<rd_kafka_message_t>& record();  // for TransactionalProducer::add(); as long as this object
  Result<void> note();                        // after the commit: in the copy, and in `log`

 private:
  Restore& log_;
  LogName name_;
  std::string text_;
  Offset next_ = {};  // the offset after the record
  std::vector<rd_kafka_message_t> record_ = {};
};

}  // namespace eventy::kafka::detail
