#include "partition_preparer.hpp"

#include "copy_reader.hpp"

namespace eventy::kafka::detail {

void PartitionPreparer::close() {
  restorers_.clear();
  worker_.reset();
}

void PartitionPreparer::prepare(std::vector<PartitionId> partitions) {
  auto takeover = std::make_shared<Takeover>();
  takeover->number = ++takeovers_;
  takeover->stop = stop_.get_token();
  for (const PartitionId p : partitions) inputs_.find(p)->takeover = takeover->number;
  takeover->partitions = std::move(partitions);
  // Other nodes take a node for dead that is no member of the group, and open its transactional id. So a node
  // opens the id once it is a member.
  const bool is_first = !std::exchange(is_producer_open_, true);
  worker_->enqueue([this, takeover, is_first] {
    if (takeover->stop.stop_requested()) return;
    Result<void> found;
    if (is_first) found = open_producer_();
    if (found) found = takeover->find_positions(identity_);
    events_.post([this, takeover, found] { positions_found(takeover, found); });
  });
}

void PartitionPreparer::positions_found(const std::shared_ptr<Takeover>& takeover,
                                        const Result<void>& result) {
  if (!result) return events_.failed(result.error());
  const auto gone = [&](PartitionId p) { return !awaiting(p, *takeover); };
  std::erase_if(takeover->partitions, gone);
  std::erase_if(takeover->restores, [&](const auto& r) { return gone(r.partition); });
  std::erase_if(takeover->positions, [&](const auto& p) { return gone(p.first.first); });
  std::erase_if(takeover->unread, [&](const auto& p) { return gone(p.first); });
  if (takeover->partitions.empty()) return;
  for (const auto& [place, position] : takeover->positions) {
    InputCursor& cursor = inputs_.find(place.first)->cursors[place.second];
    cursor = {.read = position.next,
              .committed = position.next,
              .fingerprint = PartitionFingerprint(position.last)};
    cursor.fingerprint.verify(Offset{});
  }
  if (auto assigned = inputs_.take_over(takeover->partitions); !assigned)
    return events_.failed(assigned.error());
  events_.report(Assigned{takeover->partitions});
  begin_restore(takeover);
}

void PartitionPreparer::begin_restore(const std::shared_ptr<Takeover>& takeover) {
  for (auto& log : takeover->restores) log.stop = inputs_.find(log.partition)->restore.get_token();
  restorers_[takeover->number].enqueue([this, takeover] {
    const RestoreListener listener{
        .progress =
            [this](PartitionId partition, std::uint64_t done, std::uint64_t total) {
              events_.post([this, partition, done, total] {
                if (inputs_.find(partition)) events_.report(Restoring{partition, done, total});
              });
            },
        .restored =
            [this, &takeover](std::vector<Restore> restored) {
              events_.post([this, part = takeover->part(std::move(restored))] { part_is_restored(part); });
            }};
    auto done = restore(*identity_.client, identity_.options.service, takeover->restores, listener);
    events_.post([this, number = takeover->number, done] {
      if (!done) return events_.failed(done.error());
      restorers_.erase(number);
    });
  });
}

// Parts of one takeover that wait are committed together.
void PartitionPreparer::part_is_restored(std::shared_ptr<Takeover> part) {
  if (auto begun = part->check_begun(identity_); !begun) return events_.failed(begun.error());
  if (!restored_parts_.empty() && restored_parts_.back()->number == part->number) {
    restored_parts_.back()->add(std::move(*part));
  } else {
    restored_parts_.push_back(std::move(part));
  }
  commit_next_ownership();
}

void PartitionPreparer::commit_next_ownership() {
  if (committing_ownership_ || restored_parts_.empty()) return;
  committing_ownership_ = true;
  const auto part = std::move(restored_parts_.front());
  restored_parts_.pop_front();
  commit_ownership(part);
}

// In the generation that owns the positions now. During a rebalance there may be none, or one that has ended:
// retry until the ownership is committed or the partitions are gone.
void PartitionPreparer::commit_ownership(const std::shared_ptr<Takeover>& part) {
  std::erase_if(part->positions, [&](const auto& p) { return !awaiting(p.first.first, *part); });
  std::shared_ptr<rd_kafka_consumer_group_metadata_t> group;
  auto without_commit = CommitOutcome::committed();
  if (!part->is_ownership_committed(identity_)) {
    auto now = inputs_.group();
    if (now) {
      group = *std::move(now);
    } else {
      without_commit = CommitOutcome::aborted(now.error());
    }
  }
  worker_->enqueue([this, part, group, without_commit] {
    if (stop_.stop_requested()) return;
    const auto outcome = group ? part->commit_ownership(identity_, group.get()) : without_commit;
    if (outcome.is_aborted() || outcome.is_unknown()) part->back_off(identity_, outcome.error());
    events_.post([this, part, outcome] {
      if (outcome.is_failed()) return events_.failed(outcome.error());
      if (!outcome.is_committed()) return commit_ownership(part);
      hand_out(*part);
      committing_ownership_ = false;
      commit_next_ownership();
    });
  });
}

void PartitionPreparer::hand_out(const Takeover& part) {
  std::vector<PartitionId> partitions;
  for (const auto& log : part.restores) {
    OwnedPartition* owned = awaiting(log.partition, part);
    if (!owned) continue;
    owned->copy = log.copy;
    owned->log = log.place;
    owned->state =
        std::make_shared<CopyReader>(log.copy, identity_.options, log.partition, identity_.changelog());
    Restored restored{log.partition, owned->state, log.records};
    for (const auto& [topic, cursor] : owned->cursors)
      restored.positions.push_back({topic, cursor.committed});
    events_.report(std::move(restored));
    partitions.push_back(log.partition);
  }
  if (!partitions.empty()) inputs_.restored(partitions);
}

}  // namespace eventy::kafka::detail
