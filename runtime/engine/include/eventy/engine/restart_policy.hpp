// How often and after how long a supervisor restarts children, and when it gives up. Plain classes that take
// times.
#pragma once

#include <deque>
#include <optional>
#include <utility>

#include "eventy/core/result.hpp"
#include "eventy/core/types.hpp"

namespace eventy {

struct RestartOptions {
  int intensity = 10;       // restarts that are allowed …
  Duration period{60'000};  // … within this time; one more escalates
  Duration first_backoff{100};
  Duration max_backoff{10'000};
  Duration reset_backoff_after{30'000};  // after so long without a failure, backoff starts over
  // A session that is fenced twice within this time has a duplicate instance. The two would fence each other
  // in turn.
  Duration duplicate_window{60'000};
  friend bool operator==(const RestartOptions&, const RestartOptions&) = default;
};

// Of all children of one supervisor.
class RestartPolicy {
 public:
  explicit RestartPolicy(RestartOptions options) : options_(options) {}
  enum class Verdict : std::uint8_t {
    restart,
    too_many,      // failures within the period
    is_permanent,  // no restart can heal it
    has_duplicate
  };
  // A child failed at `now`, with the code of its error if there is one. Every verdict except `restart` means
  // escalate.
  Verdict failed(MonotonicTime now, std::optional<ErrorCode> code = {});
  std::size_t recent() const { return failures_.size(); }  // failures within the period

 private:
  RestartOptions options_;
  std::deque<MonotonicTime> failures_ = {};
  std::optional<MonotonicTime> fenced_ = {};
};

// Of one child: how long it waits for a restart.
class Backoff {
 public:
  Duration failed(MonotonicTime now, const RestartOptions& options);

 private:
  Duration wait_{0};
  MonotonicTime restarted_ = {};  // when the wait is over; the restart itself is not seen
};

struct CycleBackoffOptions {
  std::size_t immediate_retries =
      2;  // so many times in a row without a rest, because a rebalance may undo a cycle
  Duration first{100};
  Duration max{5'000};
  friend bool operator==(const CycleBackoffOptions&, const CycleBackoffOptions&) = default;
};

// Of a bridge: how long it rests before it repeats a cycle that the store has undone.
class CycleBackoff {
 public:
  explicit CycleBackoff(CycleBackoffOptions options) : options_(options) {}
  Duration undone();
  std::size_t committed() { return std::exchange(in_a_row_, 0); }  // returns how many were undone in a row

 private:
  CycleBackoffOptions options_;
  std::size_t in_a_row_ = 0;
  Duration next_ = options_.first;
};

}  // namespace eventy
