// Guarantees and failure policies: what a service says about each handler.
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

enum class Guarantee : std::uint8_t { at_least_once, exactly_once, at_most_once };  // in the order they run
std::string_view to_string(Guarantee guarantee);

// A guarantee is a type, so that state in an at-most-once handler does not compile.
template <Guarantee G>
struct GuaranteeTag {
  static constexpr Guarantee value = G;
};
inline constexpr GuaranteeTag<Guarantee::at_least_once> at_least_once{};
inline constexpr GuaranteeTag<Guarantee::exactly_once> exactly_once{};
inline constexpr GuaranteeTag<Guarantee::at_most_once> at_most_once{};

// How often a failed turn is tried again. The wait doubles from `first` to `most`, each with a random part of
// up to a quarter. The partition waits; others go on. A wait of a second or more is kept in the state: a
// restart goes on with what is left of it, and with the count of attempts.
struct Retry {
  int times = 0;
  Duration first{50};
  Duration max{10'000};
};

// What becomes of a record, for the handler that failed, when no retry is left.
enum class FinalAction : std::uint8_t {
  dead_letter,  // it goes to SERVICE-dead-letters with the reason, and its handler goes on with the next
  park_key,     // it waits in the state until its key is released, and later records of the key behind it, in
                // order; other keys go on. A record without a key is dead-lettered
  pause_partition,  // it stays where it is and is tried again by the probe: for a dependency that is down
  stop              // the process ends (exit code 70); the record is the next one after a restart
};

// When a paused partition checks whether it can go on.
struct Probe {
  Duration every{1'000};
  // Asked first, on the partition's thread: false, and the record is not even tried. Absent: the record is
  // tried.
  std::function<bool()> ask = {};
};

// Bytes that do not decode are not tried again, and are dead-lettered unless a policy names DecodeError.
// At-most-once handlers never run a second time: what fails there is dead-lettered at once, whatever the
// policy says.
struct OnFailure {
  Retry retry = {};
  FinalAction then = FinalAction::dead_letter;
  Probe probe = {};
};

// Policies by class of error: `Failures().of<Busy>({…}).of<Broken>({…}).by_default({…})`. The first class
// that matches decides.
class Failures {
 public:
  template <class E>
  Failures& of(OnFailure policy) {
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
  Failures& by_default(OnFailure policy) {
    by_default_ = std::move(policy);
    return *this;
  }

  const OnFailure* for_class_of(const std::exception_ptr& error) const;  // null: no class matches
  const OnFailure* by_default() const { return by_default_ ? &*by_default_ : nullptr; }
  Duration longest_wait() const;  // for a retry without its jitter, or for a probe

 private:
  struct Class {
    bool (*matches)(const std::exception_ptr&);
    OnFailure policy;
  };
  std::vector<Class> classes_ = {};
  std::optional<OnFailure> by_default_ = {};
};

}  // namespace eventy
