// Runs the turns of one attempt, all of them into one slice. A turn that fails undoes the whole attempt.
// Owned by one PartitionEngine; one thread.
#pragma once

#include "failure_handling.hpp"
#include "placement.hpp"
#include "turn_run.hpp"

namespace eventy {

class AttemptRun {
 public:
  AttemptRun(PartitionEnvironment& environment, Translator& translator, KeyStates& states, TurnRun& turns,
             FailureHandling& failures, SliceDraft& slice)
      : environment_(environment),
        translator_(translator),
        states_(states),
        turns_(turns),
        failures_(failures),
        slice_(slice) {}

  // Begins an attempt at a record. False: there is nothing to run. The record is for another service, or it
  // does not decode and is now a dead letter.
  bool read(const RecordView& record, Attempt& attempt);
  // Runs the at-least-once and exactly-once turns. True: all are staged except those of handlers that gave
  // up. False: nothing is staged, and the input waits for another attempt.
  bool run(Attempt& attempt);

 private:
  struct Start {  // the size of the slice before the attempt
    Outbox::Savepoint outputs, immediate;
  };
  struct Thrown {
    const ServiceRuntime::Candidate* by = nullptr;  // null: no handler threw
    std::exception_ptr error = {};
  };
  Thrown run_all(Attempt& attempt, const Start& start);
  void run_one(const ServiceRuntime::Candidate& handler, Attempt& attempt, const Start& start);
  void roll_back(const Start& start);
  void check_outputs_size(std::size_t bytes) const;

  PartitionEnvironment& environment_;
  Translator& translator_;
  KeyStates& states_;
  TurnRun& turns_;
  FailureHandling& failures_;
  SliceDraft& slice_;
};

}  // namespace eventy
