#include "eventy/engine/supervision.hpp"

#include <algorithm>

namespace eventy {

Supervision::Decision Supervision::failed(Child child, MonotonicTime now, std::optional<ErrorCode> code,
                                          const std::vector<Child>& running) {
  Decision decision{policy_.failed(now, code)};
  if (decision.verdict != RestartPolicy::Verdict::restart) return decision;
  decision.wait = backoffs_[child].failed(now, options_.restarts);
  for (const Child other : running)
    if (takes(child, other)) decision.with_it.push_back(other);
  std::sort(decision.with_it.begin(), decision.with_it.end(), std::greater<>());
  return decision;
}

bool Supervision::takes(Child failed, Child other) const {
  if (other == failed) return false;
  if (failed.rank == 0 && first_ == FirstChild::owns_all) return true;
  switch (options_.strategy) {
    case Strategy::one_for_one:
      return false;
    case Strategy::one_for_all:
      return true;
    case Strategy::rest_for_one:
      return other.rank > failed.rank;
  }
  return false;
}

}  // namespace eventy
