// What a service shows of its committed state on this node: for each partition its reader and how far its
// inputs are committed. The bridge of the service writes it; any thread reads it. It outlives bridges.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "eventy/store/record_store.hpp"

namespace eventy {

class CommittedViews {
 public:
  enum class Status : std::uint8_t {
    elsewhere,  // another node owns the partition, or nobody at the moment
    restoring,  // it came to this node, and its states are being restored
    ready
  };
  struct View {
    Status status = Status::elsewhere;
    std::shared_ptr<const StateReader> state = {};  // of a ready one
    // The next offset of each topic. A state that is read after these contains at least what is before them.
    std::vector<NextOffset> positions = {};
  };

  // --- the bridge ---
  void set_partitions(std::uint32_t count) { partitions_ = count; }  // of the service
  void assigned(const std::vector<PartitionId>& partitions);
  void restored(const Restored& partition);
  using Positions = std::map<PartitionId, std::map<TopicIndex, Offset>>;
  void committed(const Positions& positions);  // of partitions that are not ready: does nothing
  void gone(const std::vector<PartitionId>& partitions);
  void clear();  // the session is over

  // --- any thread ---
  std::uint32_t partitions() const { return partitions_; }  // 0: not known yet
  View view(PartitionId partition) const;
  // Calls `call` after each change, on the thread that made it. It must only post a message. Call it before
  // the bridge starts.
  void on_change(std::function<void()> call) { changed_ = std::move(call); }

 private:
  void tell() const {
    if (changed_) changed_();
  }
  std::function<void()> changed_ = {};
  std::atomic<std::uint32_t> partitions_ = 0;
  mutable std::mutex mutex_ = {};  // guards what follows
  std::map<PartitionId, View> views_ = {};
};

}  // namespace eventy
