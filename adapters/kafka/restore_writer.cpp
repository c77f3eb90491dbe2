#include "restore_writer.hpp"

namespace eventy::kafka::detail {
namespace {

constexpr int max_queued = 2;  // batches

}  // namespace

Result<void> RestoreWriter::write(PartitionRestore& task) {
  if (queued_ >= max_queued) worker_.wait();
  Restore& restore = task.restore;
  restore.place.next = task.next;
  restore.place.synced = SystemClock{}.date();
  ++queued_;
  const auto changes = std::make_shared<const ChangeBatch>(std::exchange(task.changes, {}));
  worker_.enqueue([this, changes, copy = restore.copy, place = restore.place, stop = restore.stop] {
    if (auto done = stop.stop_requested() ? Result<void>() : copy->load(changes->views(), place); !done) {
      const std::lock_guard lock(failure_mutex_);
      failure_ = done.error();
    }
    --queued_;
  });
  return failure();
}

Result<void> RestoreWriter::wait() {
  worker_.wait();
  return failure();
}

Result<void> RestoreWriter::failure() {
  const std::lock_guard lock(failure_mutex_);
  if (failure_) return *failure_;
  return {};
}

}  // namespace eventy::kafka::detail
