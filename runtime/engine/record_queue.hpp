// The records of a partition's topics, batch by batch. A kind of work. It stops while an input waits for a
// retry or a probe. Owned by one PartitionEngine; one thread.
//
// Invariants:
// - The position of a topic in a slice is the offset of the first record that is not handled.
// - A record that waits stays first in the queue. No later record overtakes it.
#pragma once

#include <deque>

#include "after_commit.hpp"
#include "attempt_run.hpp"
#include "work.hpp"

namespace eventy {

class RecordQueue final : public Work {
 public:
  RecordQueue(PartitionEnvironment& environment, Translator& translator, Placement& placement,
              AttemptRun& runs, FailureHandling& failures, AfterCommit& after_commit)
      : environment_(environment),
        translator_(translator),
        placement_(placement),
        runs_(runs),
        failures_(failures),
        after_commit_(after_commit) {}

  void accept(std::shared_ptr<const Batch> batch, Offset from);

  void work(SliceDraft& slice) override;
  bool has_more() const override { return !queue_.empty() && !failures_.waits_until(); }
  void rewind() override { queue_.clear(), next_ = 0; }

 private:
  enum class Progress : std::uint8_t { done, waits };
  struct Queued {
    std::shared_ptr<const Batch> batch;
    std::size_t first;  // index of the first record to handle
  };
  bool work_on_front(SliceDraft& slice);  // false: the batch is not finished
  Progress handle(const std::shared_ptr<const Batch>& batch, std::size_t index, SliceDraft& slice);
  bool take_release();
  std::vector<Placement::Run> ahead(std::size_t index) const;

  PartitionEnvironment& environment_;
  Translator& translator_;
  Placement& placement_;
  AttemptRun& runs_;
  FailureHandling& failures_;
  AfterCommit& after_commit_;
  std::deque<Queued> queue_ = {};
  std::size_t next_ = 0;  // index of the next record, in the first batch
  Attempt attempt_ = {};  // reused
};

}  // namespace eventy
