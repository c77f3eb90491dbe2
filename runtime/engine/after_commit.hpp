// Where a kind of work leaves the at-most-once handlers of an attempt: they run after the commit of the slice
// in which the attempt is staged. The kinds know this interface, and not the kind that runs these turns. One
// thread.
#pragma once

#include <memory>

#include "attempt.hpp"
#include "slice_draft.hpp"

namespace eventy {

class AfterCommit {
 public:
  // The attempt is staged in this slice. `bytes` owns what the record of the attempt views. Throws
  // std::logic_error for an input that is no record: such an input has no at-most-once handlers.
  template <class Bytes>
  void add(const Attempt& attempt, const std::shared_ptr<Bytes>& bytes, SliceDraft& slice) {
    for (const auto& handler : attempt.matched)
      if (handler.plan->guarantee == Guarantee::at_most_once) defer(handler, attempt, bytes, slice);
  }

 protected:
  ~AfterCommit() = default;

 private:
  virtual void defer(const ServiceRuntime::Candidate& handler, const Attempt& attempt,
                     std::shared_ptr<const void> bytes, SliceDraft& slice) = 0;
};

}  // namespace eventy
