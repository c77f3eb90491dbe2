#include "eventy/engine/restores.hpp"

#include <algorithm>
#include <utility>

namespace eventy {

namespace {

std::string count(std::uint64_t n, const char* what) {
  return std::to_string(n) + ' ' + what + (n == 1 ? "" : "s");
}

std::string seconds(MonotonicTime::duration time) {
  const auto tenths =
      std::chrono::duration_cast<std::chrono::duration<std::int64_t, std::deci>>(time).count();
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " s";
}

}  // namespace

void Restores::begin(const std::vector<PartitionId>& partitions, MonotonicTime now) {
  if (parts_.empty()) began_ = now;
  for (const PartitionId p : partitions) parts_[p] = {};
}

void Restores::progress(PartitionId partition, std::uint64_t done, std::uint64_t total) {
  const auto it = parts_.find(partition);
  if (it == parts_.end()) return;
  records_ += done - std::min(done, it->second.done);
  it->second.done = done, it->second.total = total;
}

void Restores::restored(PartitionId partition) {
  if (const auto it = parts_.find(partition); it != parts_.end()) it->second.restored = true;
}

void Restores::gone(PartitionId partition) { parts_.erase(partition); }

std::uint64_t Restores::partitions() const {
  return static_cast<std::uint64_t>(
      std::count_if(parts_.begin(), parts_.end(), [](const auto& p) { return !p.second.restored; }));
}

std::uint64_t Restores::records_left() const {
  std::uint64_t left = 0;
  for (const auto& [p, part] : parts_)
    if (!part.restored) left += part.total - std::min(part.total, part.done);
  return left;
}

std::optional<std::string> Restores::line(MonotonicTime now) {
  if (partitions() == 0) {
    std::optional<std::string> last;
    if (std::exchange(next_line_, {})) last = result(now);
    parts_.clear();
    return last;
  }
  if (now < next_line_.value_or(began_ + options_.quiet)) return {};
  next_line_ = now + options_.interval;
  return state_of_things(now);
}

std::string Restores::state_of_things(MonotonicTime now) const {
  std::uint64_t done = 0, total = 0;
  for (const auto& [p, part] : parts_) done += part.done, total += part.total;
  std::string text = "restoring states: " + std::to_string(partitions()) + " of " +
                     count(parts_.size(), "partition") + " left";
  if (total == 0) return text;  // not counted yet
  text += ", " + std::to_string(done) + " of " + count(total, "changelog record") + " read";
  const auto time = std::chrono::duration_cast<Duration>(now - began_).count();
  if (done > 0 && time > 0)
    text += ", " + std::to_string(done * 1000 / static_cast<std::uint64_t>(time)) + " a second";
  return text;
}

std::string Restores::result(MonotonicTime now) const {
  if (parts_.empty()) return "restoring states: given up, for the partitions have gone to another node";
  std::uint64_t done = 0;
  for (const auto& [p, part] : parts_) done += part.done;
  return "restored the states of " + count(parts_.size(), "partition") + ": " +
         count(done, "changelog record") + " in " + seconds(now - began_);
}

}  // namespace eventy
