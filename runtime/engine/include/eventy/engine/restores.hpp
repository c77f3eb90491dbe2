// What a bridge knows of the partitions whose states are being restored: how far they are, and what of it is
// worth a line in the log, so that a user sees why nothing is handled yet. A plain class that takes times;
// owned by the bridge.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "eventy/core/types.hpp"

namespace eventy {

struct RestoreOptions {
  Duration quiet{1'000};     // a restore that is over by then is not worth a line
  Duration interval{5'000};  // from one line to the next
};

class Restores {
 public:
  explicit Restores(RestoreOptions options) : options_(options) {}

  void begin(const std::vector<PartitionId>& partitions, MonotonicTime now);
  void progress(PartitionId partition, std::uint64_t done, std::uint64_t total);
  void restored(PartitionId partition);
  void gone(PartitionId partition);  // to another owner, restored or not

  // What is to be logged now, if anything.
  std::optional<std::string> line(MonotonicTime now);

  std::uint64_t partitions() const;                   // being restored
  std::uint64_t records() const { return records_; }  // that were read since the beginning
  std::uint64_t records_left() const;

 private:
  struct Part {
    std::uint64_t done = 0, total = 0;
    bool restored = false;
  };
  std::string state_of_things(MonotonicTime now) const;
  std::string result(MonotonicTime now) const;

  RestoreOptions options_;
  std::map<PartitionId, Part> parts_ = {};  // that are restored together; none when all of them are
  std::uint64_t records_ = 0;
  MonotonicTime began_ = {};
  std::optional<MonotonicTime> next_line_ = {};  // none before the first one
};

}  // namespace eventy
