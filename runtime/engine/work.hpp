// A kind of work of a partition: where inputs come from, and the order in which it takes them. The engine
// asks its kinds in turn, one after the other, and knows no more of them; a kind knows none of the others.
// All calls come from the engine; one thread.
#pragma once

#include "slice_draft.hpp"

namespace eventy {

class Work {
 public:
  virtual ~Work() = default;
  // Handles inputs and adds what they do to the slice, until that is full or no input is left that can run
  // now.
  virtual void work(SliceDraft& slice) = 0;
  virtual bool has_more() const = 0;  // that could run now
  // The slices up to this one are durable. What is written now is in no slice, and is written at once.
  virtual void committed(std::uint64_t /*up_to*/, OutputBuffer& /*now*/) {}
  // Nothing since the last commit happened, and slices count from 1 again.
  virtual void rewind() {}
};

}  // namespace eventy
