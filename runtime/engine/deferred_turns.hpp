// The at-most-once turns. They run after the position of their record is committed. A kind of work. Owned by
// one PartitionEngine; one thread.
//
// Invariants:
// - A turn runs at most once: it leaves the queue before it runs, and rewind() drops it.
// - Turns run in the order of their records.
#pragma once

#include <deque>

#include "after_commit.hpp"
#include "failure_handling.hpp"
#include "translator.hpp"
#include "turn_run.hpp"
#include "work.hpp"

namespace eventy {

class DeferredTurns final : public Work, public AfterCommit {
 public:
  DeferredTurns(PartitionEnvironment& environment, Translator& translator, TurnRun& turns,
                FailureHandling& failures)
      : environment_(environment), translator_(translator), turns_(turns), failures_(failures) {}

  void work(SliceDraft&) override {}
  bool has_more() const override { return false; }
  void committed(std::uint64_t up_to, OutputBuffer& now) override;
  void rewind() override { turns_waiting_.clear(); }

 private:
  struct Turn {
    std::uint64_t slice;
    std::shared_ptr<const void> bytes;
    RecordView record;
    ServiceRuntime::Candidate handler;
  };
  void defer(const ServiceRuntime::Candidate& handler, const Attempt& attempt,
             std::shared_ptr<const void> bytes, SliceDraft& slice) override;
  void run(const Turn& turn, OutputBuffer& now);

  PartitionEnvironment& environment_;
  Translator& translator_;
  TurnRun& turns_;
  FailureHandling& failures_;
  std::deque<Turn> turns_waiting_ = {};
  Attempt attempt_ = {};  // reused
};

}  // namespace eventy
