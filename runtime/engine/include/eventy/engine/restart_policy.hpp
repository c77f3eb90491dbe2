// When a supervisor restarts a child, after how long, and when it gives up. A plain class that takes times.
#pragma once

#include <deque>
#include <optional>

#include "eventy/core/types.hpp"

namespace eventy {

struct RestartOptions {
  int intensity = 10;       // restarts that are allowed …
  Duration period{60'000};  // … within this time; one more escalates
  Duration first_backoff{100};
  Duration most_backoff{10'000};
  Duration calm{30'000};  // without a failure for this long, backoff starts over
};

class RestartPolicy {
 public:
  explicit RestartPolicy(RestartOptions options) : options_(options) {}
  // A child failed at `now`: how long to wait before it is started again; nullopt: give up and escalate.
  std::optional<Duration> failed(Instant now);
  std::size_t recent() const { return failures_.size(); }

 private:
  RestartOptions options_;
  std::deque<Instant> failures_;
  std::optional<Instant> last_;
  Duration next_{0};
};

}  // namespace eventy
