// Prepares the partitions that the group assigns to a session, until their records can be handed out: finds
// their positions, restores their states, and commits the ownership. Owned by the session, whose thread calls
// it. The preparing thread asks the cluster and commits; each restore has a thread of its own, so that a long
// one delays neither another takeover nor the commit of ownership.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "eventy/store/job_thread.hpp"
#include "inputs.hpp"
#include "takeover.hpp"

namespace eventy::kafka::detail {

class PartitionPreparer {
 public:
  struct Events {
    std::function<void(std::function<void()>)> post;  // any thread: call it on the session's thread
    std::function<void(StoreEvent)> report;           // in the next poll()
    std::function<void(const Error&)> failed;         // the session ends
  };
  // `open_producer` runs on the preparing thread, before the first positions are read.
  PartitionPreparer(const SessionIdentity& identity, Inputs& inputs,
                    std::function<Result<void>()> open_producer, Events events)
      : identity_(identity),
        inputs_(inputs),
        open_producer_(std::move(open_producer)),
        events_(std::move(events)) {}

  void start() { worker_.emplace(); }
  void prepare(std::vector<PartitionId> partitions);
  void request_stop() { stop_.request_stop(); }
  void close();                             // waits for its threads
  JobThread& worker() { return *worker_; }  // of the preparing thread; between start() and close()

 private:
  void positions_found(const std::shared_ptr<Takeover>& takeover, const Result<void>& result);
  void begin_restore(const std::shared_ptr<Takeover>& takeover);
  void part_is_restored(std::shared_ptr<Takeover> part);
  void commit_next_ownership();
  void commit_ownership(const std::shared_ptr<Takeover>& part);
  void hand_out(const Takeover& part);
  // Null: the partition was taken away since, or is back for another takeover.
  OwnedPartition* awaiting(PartitionId partition, const Takeover& takeover) const {
    OwnedPartition* owned = inputs_.find(partition);
    return owned && !owned->leaving && owned->takeover == takeover.number ? owned : nullptr;
  }

  const SessionIdentity& identity_;
  Inputs& inputs_;
  std::function<Result<void>()> open_producer_;
  Events events_;
  bool is_producer_open_ = false;
  std::uint64_t takeovers_ = 0;
  std::deque<std::shared_ptr<Takeover>> restored_parts_ = {};  // whose ownership is to be committed
  bool committing_ownership_ = false;
  std::stop_source stop_ = {};                         // of the preparing thread
  std::map<std::uint64_t, JobThread> restorers_ = {};  // by the numbers of their takeovers
  std::optional<JobThread> worker_ = {};               // the last member: its jobs use the others
};

}  // namespace eventy::kafka::detail
