// Tells a topic whose producers place keys by another partitioner from single stray records. The former would
// become dead letters by the thousand, though nothing is wrong with them but a setting: the partition pauses
// before the first one instead. Owned by one partition of a service with state; one thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eventy/engine/runtime.hpp"

namespace eventy {

class MisplacedRecords {
 public:
  MisplacedRecords(const ServiceRuntime& runtime, PartitionId partition, std::uint32_t partitions);

  // A record was handled whose key belongs here. For every record: one addition.
  void placed(TopicIndex topic) { topics_[topic.value].looked_at += 1; }
  // One was dead-lettered whose key belongs elsewhere.
  void dead_lettered(TopicIndex topic, std::string_view key);
  // Nothing since the last commit happened.
  void rewind();

  // Records whose keys belong to this partition, or should.
  struct Run {
    const Batch* batch;
    std::size_t first;  // of its records
  };
  // Called for a record whose key belongs elsewhere, the first of `ahead`, with all that is in hand behind
  // it. A reason to pause before it, for a person; nullopt: there are too few of its kind. What was looked at
  // once is not looked at again.
  enum class Before : std::uint8_t { handled, paused };  // what became of the record at an earlier try
  std::optional<std::string> reason_to_pause(std::span<const Run> ahead, Before before);

 private:
  struct Count {
    double looked_at = 0, misplaced = 0;    // records
    std::vector<Partitioner> fitting = {};  // that put all the misplaced ones here
    Offset decided = {};                    // records before it are few enough
  };
  static void forget_old(Count& c);
  void count(Count& into, std::string_view key) const;
  void check(const Run& run, Decoder& decoder, Count& into) const;
  std::string describe(TopicIndex topic, const Count& all) const;

  const ServiceRuntime& runtime_;
  PartitionId partition_;
  std::uint32_t partitions_;
  std::vector<Count> topics_;  // by TopicIndex
};

}  // namespace eventy
