// The changelog of a service's states: one compacted topic, with the partitions of the service. Key of a
// record: u16 size of the keyspace's name (big-endian), the name, the user's key; value: the user's bytes; no
// value: the key was forgotten. One record of each partition is ours, the log's name: its key begins with
// a size that no name has; its value tells one incarnation of the topic from another, and which inputs of the
// partition were begun.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "client.hpp"

namespace eventy::kafka::detail {

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
  std::set<std::string> begun = {};  // inputs whose position was committed once: a missing one is an error

  std::string text() const;
  static LogName read(std::string_view text);
};

// The incarnation in the LogPlace::log of a copy, which also says where in the log its name stands.
inline std::string incarnation_of(const LogPlace& place) { return place.log.substr(0, place.log.find('@')); }

// A copy that is to be brought up to the end of the log.
struct Restore {
  PartitionId partition = {};
  std::shared_ptr<LocalState> copy = {};
  // What a committed position says of the log; empty where nothing was committed yet.
  std::string expected_log = {};
  Offset expected_reach = {};
  // This session has had the copy all the time: however old it looks, it is read on, and never emptied.
  bool is_kept = false;

  // Results.
  LogName name = {};  // empty: the log has none yet
  LogPlace place = {};
  std::uint64_t records = 0;  // that were read
};

using RestoreProgress = std::function<void(PartitionId, std::uint64_t done, std::uint64_t total)>;

// Brings the copies up to date, of all transactions that are decided by then; those that cannot be continued
// are emptied and made anew. Errors: corrupt, where the log holds less than was committed to it; timed_out,
// where nothing comes for the request timeout.
Result<void> restore(Client& client, const std::string& service, std::vector<Restore>& restores,
                     const RestoreProgress& progress);

// A name on its way into a log: its record, and what is noted once that is committed.
class NamedLog {
 public:
  NamedLog(Restore& log, LogName name) : log_(log), name_(std::move(name)), text_(name_.text()) {}

  std::int32_t partition() const { return static_cast<std::int32_t>(log_.partition.value); }
  std::vector<rd_kafka_message_t>& record();  // valid for as long as this; as Transaction::add() takes it
  Result<void> note();                        // in the copy, and in `log`

 private:
  Restore& log_;
  LogName name_;
  std::string text_;
  Offset behind_ = {};  // the record
  std::vector<rd_kafka_message_t> record_ = {};
};

}  // namespace eventy::kafka::detail
