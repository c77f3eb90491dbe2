// Writes changes into the copies of a restore, on a thread of its own, while the next records are read. Owned
// by the restore, whose thread calls it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "eventy/store/worker.hpp"
#include "restore_task.hpp"

namespace eventy::kafka::detail {

class CopyWriter {
 public:
  // Takes the changes of the task. Waits while too many batches are queued. Nothing is written for a
  // partition that was stopped meanwhile.
  Result<void> write(RestoreTask& task);
  // Until everything is written.
  Result<void> wait();

 private:
  Result<void> failure();

  std::atomic<int> queued_ = 0;  // batches
  std::mutex failure_mutex_ = {};
  std::optional<Error> failure_ = {};  // of the writing thread
  Worker worker_ = {};                 // the last member: its jobs use the others
};

}  // namespace eventy::kafka::detail
