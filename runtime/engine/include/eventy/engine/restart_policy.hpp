// When a supervisor restarts a child, after how long, and when it gives up. A plain class that takes times.
#pragma once

#include <deque>
#include <optional>

#include "eventy/core/result.hpp"
#include "eventy/core/types.hpp"

namespace eventy {

struct RestartOptions {
  int intensity = 10;       // restarts that are allowed …
  Duration period{60'000};  // … within this time; one more escalates
  Duration first_backoff{100};
  Duration most_backoff{10'000};
  Duration calm{30'000};  // without a failure for this long, backoff starts over
  // A session that is fenced twice within this time has a twin with its name, which it only fences in turn.
  Duration twin{60'000};
};

class RestartPolicy {
 public:
  explicit RestartPolicy(RestartOptions options) : options_(options) {}
  enum class Verdict : std::uint8_t {
    restart,
    too_many,  // of failures within the period
    is_final,  // what no restart can heal
    has_twin
  };
  struct Decision {
    Verdict verdict = Verdict::restart;
    Duration wait{0};  // before the restart
  };
  // A child failed at `now`, with the code if its error has one; all verdicts but `restart` mean: escalate.
  Decision failed(Instant now, std::optional<ErrorCode> code = {});
  std::size_t recent() const { return failures_.size(); }

 private:
  RestartOptions options_;
  std::deque<Instant> failures_;
  std::optional<Instant> last_, fenced_;
  Duration next_{0};
};

}  // namespace eventy
