// The restore of copies of states from the changelog. On the caller's thread; one of its own writes the
// copies.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "changelog.hpp"

namespace eventy::kafka::detail {

// A copy that is to be brought up to the end of the log.
struct Restore {
  PartitionId partition = {};
  std::shared_ptr<LocalState> copy = {};  // null: the restore opens it
  // What a committed position says of the log; empty where nothing was committed yet.
  std::string expected_log = {};
  Offset expected_reach = {};
  // This session has had the copy all the time: however old it checks, it is read on, and never emptied.
  bool is_kept = false;
  std::stop_token stop = {};  // requested: nobody waits for this partition any more, and it is left out

  // Results.
  LogName name = {};  // empty: the log has none yet
  LogPlace place = {};
  std::uint64_t records = 0;  // that were read
};

// Called on the thread that restores.
struct RestoreListener {
  std::function<void(PartitionId, std::uint64_t done, std::uint64_t total)> progress = {};
  // These are up to date: nothing is done to them any more, while the others are still read.
  std::function<void(std::vector<Restore>)> restored = {};
};

// Brings the copies up to date, of all transactions that are decided by then; those that cannot be continued
// are emptied and made anew. Ends soon once all that are left are stopped. Errors: corrupt, where the log
// holds less than was committed to it; timed_out, where nothing comes for the request timeout.
Result<void> restore(Client& client, const std::string& service, std::vector<Restore>& restores,
                     const RestoreListener& news);

}  // namespace eventy::kafka::detail
