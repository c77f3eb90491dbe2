// Guarantees and failure policies: what a service declares for each handler.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "eventy/core/types.hpp"

namespace eventy {

// In the order in which handlers of one record run.
enum class Guarantee : std::uint8_t { at_least_once, exactly_once, at_most_once };
std::string_view to_string(Guarantee guarantee);

// A guarantee is a type, so that an at-most-once handler with state does not compile.
template <Guarantee G>
struct GuaranteeTag {
  static constexpr Guarantee value = G;
};
inline constexpr GuaranteeTag<Guarantee::at_least_once> at_least_once{};
inline constexpr GuaranteeTag<Guarantee::exactly_once> exactly_once{};
inline constexpr GuaranteeTag<Guarantee::at_most_once> at_most_once{};

// How often a failed turn is retried. The wait doubles from `first` to `max`, plus random jitter of up to a
// quarter. The record's partition waits meanwhile; others go on. Waits of a second or more are stored in the
// state: after a restart the remaining wait and the count of attempts are kept.
struct Retry {
  int times = 0;
  Duration first{50};
  Duration max{10'000};
};

// What happens to a record, for the handler that failed, when no retry is left.
enum class FinalAction : std::uint8_t {
  dead_letter,  // it is written to SERVICE-dead-letters with the reason; the next record follows
  // It waits in the state until its key is released; later records of the key wait after it, in order. Other
  // keys go on. A record without a key is dead-lettered.
  park_key,
  pause_partition,  // it stays where it is and is retried at each probe: for a dependency that is down
  stop              // the process ends (exit code 70); after a restart the record is handled again
};

// When a paused partition checks whether it can go on.
struct Probe {
  Duration interval{1'000};
  // Called at each probe, on the partition's thread. False: the record is not retried yet. Absent: the record
  // is retried at each probe.
  std::function<bool()> check = {};
};

// An eventy::Failure that leaves a handler is a crash of the partition, whatever the policy.
// Bytes that do not decode are not retried; they are dead-lettered unless a policy names DecodeError.
// At-most-once handlers never run twice: their failures are dead-lettered at once, whatever the policy.
struct FailurePolicy {
  Retry retry = {};
  FinalAction then = FinalAction::dead_letter;
  Probe probe = {};
};

// Policies by the class of the error: `FailurePolicies().of<Busy>({…}).of<Broken>({…}).by_default({…})`. The
// first class that matches decides.
class FailurePolicies {
 public:
  template <class E>
  FailurePolicies& of(FailurePolicy policy) {
    classes_.push_back({[](const std::exception_ptr& p) {
                          try {
                            std::rethrow_exception(p);
                          } catch (const E&) {
                            return true;
                          } catch (...) {
                            return false;
                          }
                        },
                        std::move(policy)});
    return *this;
  }
  FailurePolicies& by_default(FailurePolicy policy) {
    by_default_ = std::move(policy);
    return *this;
  }

  const FailurePolicy* for_class_of(const std::exception_ptr& error) const;  // null: no class matches
  const FailurePolicy* by_default() const { return by_default_ ? &*by_default_ : nullptr; }
  Duration longest_wait() const;  // the longest wait for a retry, without jitter, or for a probe

 private:
  struct Class {
    bool (*matches)(const std::exception_ptr&);
    FailurePolicy policy;
  };
  std::vector<Class> classes_ = {};
  std::optional<FailurePolicy> by_default_ = {};
};

}  // namespace eventy
