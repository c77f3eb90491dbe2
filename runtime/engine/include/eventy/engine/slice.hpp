// A slice: the finished effects of some records of one partition, or of one poll of a source. The slices of a
// task are numbered without gaps. A commit cycle takes a prefix of them.
#pragma once

#include <cstdint>

#include "eventy/store/batch.hpp"

namespace eventy {

// Where slices come from: a partition, or one of its sources.
struct TaskId {
  static constexpr std::uint32_t no_source = UINT32_MAX;
  PartitionId partition = {};
  std::uint32_t source = no_source;  // index of the source, or `no_source`: its partition
  bool is_source() const { return source != no_source; }
  friend auto operator<=>(const TaskId&, const TaskId&) = default;
};

struct Slice {
  TaskId task = {};
  Epoch epoch = {};         // of the task; slices of an old one are dropped
  SliceNumber number = {};  // from 1 in each epoch
  SliceEffects effects = {};
  OutputBuffer immediate = {};         // written at once, before the commit
  std::uint64_t records = 0;           // read
  std::uint64_t finished_batches = 0;  // credits that the partition gets back
  bool has_deferred = false;           // at-most-once turns wait for its commit
};

}  // namespace eventy
