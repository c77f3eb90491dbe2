// The restore of local copies of states from the changelog. restore() runs on the caller's thread; a thread
// of its own writes the copies. The parts: a PartitionRestore decides for one partition, a ChangelogReader
// reads all of them, a RestoreWriter writes the copies.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "changelog.hpp"

namespace eventy::kafka::detail {

// A copy that is to reach the end of the log.
struct Restore {
  PartitionId partition = {};
  std::shared_ptr<LocalState> copy = {};  // null: the restore opens it
  // The log as a committed position names it, and how far it reached; empty if nothing was committed.
  std::string expected_log = {};
  Offset expected_reach = {};
  // This session has had the copy all the time: it is continued at any age, and never emptied.
  bool is_kept = false;
  std::stop_token stop = {};  // requested: the partition was taken away, and is left out

  // Results.
  LogName name = {};  // empty: the log has none yet
  LogPosition place = {};
  std::uint64_t records = 0;  // that were read
};

// Called on the thread that restores.
struct RestoreListener {
  std::function<void(PartitionId, std::uint64_t done, std::uint64_t total)> progress = {};
  // These copies are up to date. The restore does not touch them again, while it reads the others.
  std::function<void(std::vector<Restore>)> restored = {};
};

// Brings the copies up to date with all transactions that are decided by then. A copy that cannot be
// continued is emptied and filled again. Ends soon after the last partition was stopped. Errors: corrupt,
// where the log holds less than was committed to it; timed_out, where no record arrives within the request
// timeout.
Result<void> restore(Client& client, const std::string& service, std::vector<Restore>& restores,
                     const RestoreListener& listener);

}  // namespace eventy::kafka::detail
