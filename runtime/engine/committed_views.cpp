#include "eventy/engine/committed_views.hpp"

#include <algorithm>

namespace eventy {

void CommittedViews::assigned(const std::vector<PartitionId>& partitions) {
  {
    const std::lock_guard lock(mutex_);
    for (const PartitionId p : partitions) views_[p] = {.status = Status::restoring};
  }
  tell();
}

void CommittedViews::restored(const Restored& e) {
  {
    const std::lock_guard lock(mutex_);
    views_[e.partition] = {Status::ready, e.state, e.positions};
  }
  tell();
}

void CommittedViews::committed(const Positions& positions) {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [partition, topics] : positions) {
      const auto found = views_.find(partition);
      if (found == views_.end() || found->second.status != Status::ready) continue;
      auto& known = found->second.positions;
      for (const auto& [topic, next] : topics) {
        const auto at =
            std::find_if(known.begin(), known.end(), [&](const auto& k) { return k.topic == topic; });
        if (at == known.end()) {
          known.push_back({topic, next});
        } else {
          at->next = std::max(at->next, next);
        }
      }
    }
  }
  tell();
}

void CommittedViews::gone(const std::vector<PartitionId>& partitions) {
  {
    const std::lock_guard lock(mutex_);
    for (const PartitionId p : partitions) views_.erase(p);
  }
  tell();
}

void CommittedViews::clear() {
  {
    const std::lock_guard lock(mutex_);
    views_.clear();
  }
  tell();
}

CommittedViews::View CommittedViews::view(PartitionId partition) const {
  const std::lock_guard lock(mutex_);
  const auto found = views_.find(partition);
  return found == views_.end() ? View{} : found->second;
}

}  // namespace eventy
