// The parked records of keys that are released, in the order in which keys were released and records were
// parked. Other inputs that were parked run in the same order; an InputReader begins them. A kind of work
// that runs also while the partition waits or pauses. Owned by one PartitionEngine; one thread.
//
// Invariants:
// - The slice that removes a parked record holds its turns.
// - A record that fails again stays parked and first of its key, and the release of its key ends.
#pragma once

#include "after_commit.hpp"
#include "attempt_run.hpp"
#include "input_reader.hpp"
#include "work.hpp"

namespace eventy {

class ReleasedRecords final : public Work {
 public:
  ReleasedRecords(PartitionEnvironment& environment, Translator& translator, Placement& placement,
                  AttemptRun& runs, FailureHandling& failures, AfterCommit& after_commit,
                  std::vector<InputReader*> readers = {})
      : environment_(environment),
        translator_(translator),
        placement_(placement),
        runs_(runs),
        failures_(failures),
        after_commit_(after_commit),
        readers_(std::move(readers)) {}

  void work(SliceDraft& slice) override;
  bool has_more() const override { return failures_.book().releasing().has_value(); }

 private:
  struct Source;  // owns what an attempt at a parked record views
  enum class Outcome : std::uint8_t { done, stays };
  Outcome handle(const std::shared_ptr<Source>& source, const std::string& key, SliceDraft& slice);
  bool begin(Source& source, const std::string& key);  // the attempt; false: it is settled
  bool read(Source& source, const std::string& key);
  bool read_no_record(Source& source, const std::string& key);
  void has_no_handler(const ParkedRecord& row);

  PartitionEnvironment& environment_;
  Translator& translator_;
  Placement& placement_;
  AttemptRun& runs_;
  FailureHandling& failures_;
  AfterCommit& after_commit_;
  std::vector<InputReader*> readers_;
  Attempt attempt_ = {};  // reused
};

}  // namespace eventy
