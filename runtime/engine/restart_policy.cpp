#include "eventy/engine/restart_policy.hpp"

#include <algorithm>

namespace eventy {

std::optional<Duration> RestartPolicy::failed(Instant now) {
  while (!failures_.empty() && now - failures_.front() > options_.period) failures_.pop_front();
  failures_.push_back(now);
  if (failures_.size() > static_cast<std::size_t>(std::max(options_.intensity, 0))) return std::nullopt;
  const bool calm = last_ && now - *last_ > options_.calm;
  next_ = !last_ || calm ? options_.first_backoff : std::min(next_ * 2, options_.most_backoff);
  last_ = now;
  return next_;
}

}  // namespace eventy
