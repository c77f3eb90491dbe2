// The parked records of keys that are released, in the order of their keys' release and of the records. A
// kind of work, also while the partition waits or pauses. Owned by one PartitionEngine; one thread.
//
// Invariants:
// - A record leaves the parked ones in the slice in which its turns are.
// - One that fails once more stays parked, first of its key, and its key is no longer being released.
#pragma once

#include "attempt_run.hpp"
#include "deferred_turns.hpp"

namespace eventy {

class ReleasedRecords final : public Work {
 public:
  ReleasedRecords(PartitionEnvironment& environment, Translator& translator, Placement& placement,
                  AttemptRun& runs, FailureHandling& failures, DeferredTurns& deferred)
      : environment_(environment),
        translator_(translator),
        placement_(placement),
        runs_(runs),
        failures_(failures),
        deferred_(deferred) {}

  void work(SliceDraft& slice) override;
  bool has_more() const override { return failures_.book().releasing().has_value(); }

 private:
  struct Source;  // a parked record as if it had just been read
  enum class Outcome : std::uint8_t { done, stays };
  Outcome handle(const std::shared_ptr<Source>& source, SliceDraft& slice);
  bool begin(Source& source);  // the attempt; false: it is dealt with
  void has_no_handler(const ParkedRecord& row);

  PartitionEnvironment& environment_;
  Translator& translator_;
  Placement& placement_;
  AttemptRun& runs_;
  FailureHandling& failures_;
  DeferredTurns& deferred_;
  Attempt attempt_ = {};  // reused
};

}  // namespace eventy
