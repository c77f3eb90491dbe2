#include "eventy/engine/cycle.hpp"

#include <algorithm>

#include "eventy/core/result.hpp"

namespace eventy {

void CommitCycles::open_lane(Lane lane, Epoch epoch) { lanes_[lane] = {epoch, 0}; }

void CommitCycles::close_lane(Lane lane) { lanes_.erase(lane); }

std::optional<Epoch> CommitCycles::epoch_of(Lane lane) const {
  const auto it = lanes_.find(lane);
  if (it == lanes_.end()) return std::nullopt;
  return it->second.epoch;
}

CommitCycles::Verdict CommitCycles::judge(const Slice& slice) const {
  const auto it = lanes_.find(slice.lane);
  if (it == lanes_.end() || it->second.epoch != slice.epoch) return Verdict::stale;
  if (slice.number.value != it->second.taken + 1)
    throw Failure({ErrorCode::internal, "partition " + std::to_string(slice.lane.partition.value) +
                                            ": slice " + std::to_string(slice.number.value) +
                                            " came after slice " + std::to_string(it->second.taken)});
  return Verdict::take;
}

void CommitCycles::add(const Slice& slice, MonotonicTime now) {
  auto& book = lanes_.at(slice.lane);
  book.taken = slice.number.value;
  if (!opened_) opened_ = now;
  bytes_ += slice.effects.outputs.bytes.size();
  for (const auto& change : slice.effects.state)
    bytes_ += change.key.size() + (change.value ? change.value->size() : 0);
  opened_lanes_[slice.lane] = {slice.lane, slice.epoch, slice.number};
}

bool CommitCycles::holds(PartitionId partition) const {
  const auto is_of_it = [&](const auto& lane) { return lane.first.partition == partition; };
  return std::any_of(opened_lanes_.begin(), opened_lanes_.end(), is_of_it) ||
         std::any_of(flying_lanes_.begin(), flying_lanes_.end(), is_of_it);
}

bool CommitCycles::due(MonotonicTime now) const {
  return opened_ && !flying_ && (bytes_ >= options_.max_bytes || now >= *due_at());
}

std::optional<MonotonicTime> CommitCycles::due_at() const {
  if (!opened_) return std::nullopt;
  return std::max(*opened_, begun_.value_or(*opened_) + options_.interval);
}

CycleId CommitCycles::begin_commit(MonotonicTime now) {
  begun_ = now;
  flying_ = CycleId{++last_cycle_};
  flying_lanes_ = std::move(opened_lanes_);
  opened_lanes_.clear();
  opened_.reset();
  bytes_ = 0;
  return *flying_;
}

std::vector<CommitCycles::Done> CommitCycles::committed(CycleId cycle) {
  if (flying_ != cycle)
    throw Failure({ErrorCode::internal, "the store reports cycle " + std::to_string(cycle.value) +
                                            " as committed, which is not in flight"});
  flying_.reset();
  std::vector<Done> done;
  for (const auto& [lane, d] : flying_lanes_)
    if (epoch_of(lane) == d.epoch) done.push_back(d);
  flying_lanes_.clear();
  return done;
}

void CommitCycles::undone() {
  flying_.reset();
  flying_lanes_.clear();
  opened_lanes_.clear();
  opened_.reset();
  bytes_ = 0;
}

}  // namespace eventy
