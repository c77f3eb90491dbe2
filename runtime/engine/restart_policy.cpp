#include "eventy/engine/restart_policy.hpp"

#include <algorithm>

namespace eventy {

RestartPolicy::Verdict RestartPolicy::failed(MonotonicTime now, std::optional<ErrorCode> code) {
  if (code && is_permanent(*code)) return Verdict::is_permanent;
  if (code == ErrorCode::fenced) {
    if (fenced_ && now - *fenced_ <= options_.duplicate_window) return Verdict::has_duplicate;
    fenced_ = now;
  }
  while (!failures_.empty() && now - failures_.front() > options_.period) failures_.pop_front();
  failures_.push_back(now);
  if (failures_.size() > static_cast<std::size_t>(std::max(options_.intensity, 0))) return Verdict::too_many;
  return Verdict::restart;
}

Duration Backoff::failed(MonotonicTime now, const RestartOptions& options) {
  const bool is_first = restarted_ == MonotonicTime{} || now - restarted_ > options.reset_backoff_after;
  wait_ = is_first ? options.first_backoff : std::min(wait_ * 2, options.max_backoff);
  restarted_ = now + wait_;
  return wait_;
}

Duration CycleBackoff::undone() {
  if (++in_a_row_ <= options_.immediate_retries) {
    next_ = options_.first;
    return Duration{0};
  }
  return std::exchange(next_, std::min(next_ * 2, options_.max));
}

}  // namespace eventy
