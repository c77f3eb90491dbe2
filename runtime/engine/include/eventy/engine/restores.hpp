// How far the restores of a bridge's partitions are, and when to log a line, so that a user sees why nothing
// is handled yet. A plain class that takes times; owned by the bridge.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "eventy/core/types.hpp"

namespace eventy {

struct RestoreOptions {
  Duration quiet{1'000};     // a shorter restore logs no line
  Duration interval{5'000};  // from one line to the next
};

class Restores {
 public:
  explicit Restores(RestoreOptions options) : options_(options) {}

  void begin(const std::vector<PartitionId>& partitions, MonotonicTime now);
  void progress(PartitionId partition, std::uint64_t done, std::uint64_t total);
  void restored(PartitionId partition);
  void gone(PartitionId partition);  // to another owner, restored or not

  // The line to log now, if there is one.
  std::optional<std::string> line(MonotonicTime now);

  std::uint64_t partitions() const;                   // being restored
  std::uint64_t records() const { return records_; }  // read since the session began
  std::uint64_t records_left() const;

 private:
  struct Part {
    std::uint64_t done = 0, total = 0;
    bool restored = false;
  };
  std::string state_of_things(MonotonicTime now) const;
  std::string result(MonotonicTime now) const;

  RestoreOptions options_;
  std::map<PartitionId, Part> parts_ = {};  // in restore together; empty when all are restored
  std::uint64_t records_ = 0;
  MonotonicTime began_ = {};
  std::optional<MonotonicTime> next_line_ = {};  // nullopt: before the first line
};

}  // namespace eventy
