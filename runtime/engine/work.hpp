// A kind of work of a partition: where inputs come from, and in which order it takes them. The engine calls
// its kinds one after the other and knows no more of them. A kind knows none of the others; see AfterCommit.
// Only the engine calls it; one thread.
#pragma once

#include "slice_draft.hpp"

namespace eventy {

class Work {
 public:
  virtual ~Work() = default;
  // Handles inputs and adds their effects to the slice, until it is full or no input can run now.
  virtual void work(SliceDraft& slice) = 0;
  virtual bool has_more() const = 0;  // an input could run now
  // The slices up to this one are durable. Outputs to `now` belong to no slice and are written at once.
  virtual void committed(std::uint64_t /*up_to*/, OutputBuffer& /*now*/) {}
  // Forgets everything since the last commit. Slices count from 1 again.
  virtual void rewind() {}
};

}  // namespace eventy
