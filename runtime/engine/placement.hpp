// The partition that the key of an input belongs to: its state is there, and only there the input may touch
// it. A record that lies elsewhere is forwarded, becomes a dead letter, or pauses the partition where there
// are many of its kind. An input that is no record belongs to the partition that made it: elsewhere it
// becomes a dead letter. Owned by one PartitionEngine; one thread.
#pragma once

#include "failure_handling.hpp"
#include "misplaced.hpp"
#include "translator.hpp"

namespace eventy {

class Placement {
 public:
  Placement(PartitionEnvironment& environment, const Translator& translator, Outbox& outbox,
            FailureHandling& failures, SliceDraft& slice);

  enum class Way : std::uint8_t {
    here,
    settled,   // elsewhere: it was forwarded or is a dead letter
    misplaced  // a record that belongs elsewhere; the caller decides
  };
  Way find(Attempt& attempt);  // finds the key of a record too

  void dead_letter_misplaced(const Attempt& attempt);
  // The record is misplaced and the first of `ahead`, which holds all records in hand after it. True: there
  // are many of them, so a setting is wrong, and the partition pauses here until a person has changed it.
  // False: the record is a dead letter.
  using Run = MisplacedRecords::Run;
  bool pauses_at(Attempt& attempt, std::span<const Run> ahead);
  void rewind() { misplaced_.rewind(); }

 private:
  Way find_no_record(const Attempt& attempt);
  Way settle(const Attempt& attempt, std::string_view error_class, const std::string& reason);
  void forward(const Attempt& attempt);
  PartitionId home_of(const Attempt& attempt) const;

  PartitionEnvironment& environment_;
  const Translator& translator_;
  Outbox& outbox_;
  FailureHandling& failures_;
  SliceDraft& slice_;
  MisplacedRecords misplaced_;
  std::optional<std::pair<TopicIndex, Offset>> told_ = {};  // the last pause that was logged
};

}  // namespace eventy
