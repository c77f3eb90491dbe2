#include "record_queue.hpp"

#include <algorithm>

#include "eventy/engine/parking.hpp"

namespace eventy {

void RecordQueue::accept(std::shared_ptr<const Batch> batch, Offset from) {
  const auto& records = batch->records;
  const auto at = std::partition_point(records.begin(), records.end(),
                                       [&](const StoredRecord& r) { return r.offset < from; });
  const auto first = static_cast<std::size_t>(at - records.begin());
  queue_.push_back({std::move(batch), first});
  if (queue_.size() == 1) next_ = queue_.front().first;
}

void RecordQueue::work(SliceDraft& slice) {
  while (!queue_.empty() && !slice.is_full() && !failures_.waits_until()) {
    if (!work_on_front(slice)) return;
    queue_.pop_front();
    next_ = queue_.empty() ? 0 : queue_.front().first;
    slice.finished_batch();
  }
}

bool RecordQueue::work_on_front(SliceDraft& slice) {
  const auto batch = queue_.front().batch;
  const auto& records = batch->records;
  while (next_ < records.size() && !slice.is_full()) {
    if (handle(batch, next_, slice) == Progress::waits) break;
    ++next_, environment_.metrics->records.add();
    slice.read_record();
  }
  const bool is_finished = next_ == records.size();
  if (is_finished || next_ > 0 || slice.has_position(batch->topic))
    slice.moved_to(batch->topic, is_finished ? batch->next : records[next_].offset);
  return is_finished;
}

RecordQueue::Progress RecordQueue::handle(const std::shared_ptr<const Batch>& batch, std::size_t index,
                                          SliceDraft& slice) {
  if (!runs_.read(view_of(*batch, index), attempt_) || take_release()) return Progress::done;
  translator_.match(attempt_);
  if (attempt_.matched.empty()) return Progress::done;
  const auto way = placement_.find(attempt_);
  if (way == Placement::Way::settled) return Progress::done;
  if (way == Placement::Way::misplaced)
    return placement_.pauses_at(attempt_, ahead(index)) ? Progress::waits : Progress::done;
  if (failures_.is_parked(attempt_))
    return failures_.park_behind(attempt_) ? Progress::done : Progress::waits;
  if (!failures_.recall(attempt_)) return Progress::waits;
  if (!runs_.run(attempt_)) return failures_.remember(attempt_), Progress::waits;
  after_commit_.add(attempt_, batch, slice);
  failures_.settle(attempt_);
  return Progress::done;
}

// Handles an operator's request to release a key. False: the record is another one.
bool RecordQueue::take_release() {
  const Meta& meta = attempt_.meta;
  if (meta.kind != Kind::request || meta.ns != environment_.plan.ns || meta.name != release_request_name)
    return false;
  if (meta.partition_key) failures_.release(*meta.partition_key);
  return true;
}

std::vector<Placement::Run> RecordQueue::ahead(std::size_t index) const {
  std::vector<Placement::Run> runs{{queue_.front().batch.get(), index}};
  for (std::size_t i = 1; i < queue_.size(); ++i) runs.push_back({queue_[i].batch.get(), queue_[i].first});
  return runs;
}

}  // namespace eventy
