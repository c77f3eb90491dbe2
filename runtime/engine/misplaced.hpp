// Tells a topic whose producers use another partitioner from single stray records. Only a setting is wrong
// with the records of such a topic, and they would become dead letters by the thousand. So the partition
// pauses before the first one. Owned by one partition of a service with state; one thread.
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

  // Counts a record whose key belongs here. Called for every record; it costs one addition.
  void placed(TopicIndex topic) { topics_[topic.value].looked_at += 1; }
  // Counts a dead letter whose key belongs elsewhere.
  void dead_lettered(TopicIndex topic, std::string_view key);
  // Forgets all counts.
  void rewind();

  // The records of a batch from one on.
  struct Run {
    const Batch* batch;
    std::size_t first;  // index in the batch
  };
  // Called for a misplaced record, the first of `ahead`, which holds all records in hand after it. Returns
  // the reason to pause before it, for a person; nullopt: few records are misplaced. No record is checked
  // twice.
  enum class Before : std::uint8_t { handled, paused };  // at an earlier attempt at this record
  std::optional<std::string> reason_to_pause(std::span<const Run> ahead, Before before);

 private:
  struct Count {
    double looked_at = 0, misplaced = 0;    // records
    std::vector<Partitioner> fitting = {};  // that place all misplaced records here
    Offset decided = {};                    // misplaced records before it are dead letters
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
