// Writes changes into the copies of a restore, on a thread of its own, while the next records are read. Owned
// by the restore, whose thread calls it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "eventy/store/job_thread.hpp"
#include "partition_restore.hpp"

namespace eventy::kafka::detail {

class RestoreWriter {
 public:
  // Takes the changes of the task. Waits while too many batches are queued. Nothing is written for a
  // partition that was stopped meanwhile.
  Result<void> write(PartitionRestore& task);
  // Until everything is written.
  Result<void> wait();

 private:
  Result<void> failure();

  std::atomic<int> queued_ = 0;  // batches
  std::mutex failure_mutex_ = {};
  std::optional<Error> failure_ = {};  // of the writing thread
  JobThread worker_ = {};              // the last member: its jobs use the others
};

}  // namespace eventy::kafka::detail
