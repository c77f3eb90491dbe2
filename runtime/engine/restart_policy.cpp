#include "eventy/engine/restart_policy.hpp"

#include <algorithm>

namespace eventy {

RestartPolicy::Decision RestartPolicy::failed(Instant now, std::optional<ErrorCode> code) {
  if (code && is_final(*code)) return {Verdict::is_final};
  if (code == ErrorCode::fenced) {
    if (fenced_ && now - *fenced_ <= options_.twin) return {Verdict::has_twin};
    fenced_ = now;
  }
  while (!failures_.empty() && now - failures_.front() > options_.period) failures_.pop_front();
  failures_.push_back(now);
  if (failures_.size() > static_cast<std::size_t>(std::max(options_.intensity, 0)))
    return {Verdict::too_many};
  const bool calm = last_ && now - *last_ > options_.calm;
  next_ = !last_ || calm ? options_.first_backoff : std::min(next_ * 2, options_.most_backoff);
  last_ = now;
  return {Verdict::restart, next_};
}

}  // namespace eventy
