#include "eventy/engine/watchdog.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace eventy {

namespace {

constexpr Duration shortest_interval{10};

// Keys come from outside, and go into a line of the log.
std::string in_quotes(const TurnWatch::Seen& seen) {
  std::string out = "\"";
  for (const char c : seen.key)
    out += c >= ' ' && c < 127 && c != '"' && c != '\\'
               ? std::string(1, c)
               : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return out + (seen.key_size > seen.key.size() ? "…\"" : "\"");
}

std::string describe_turn(const ServiceRuntime& runtime, Lane lane, const TurnWatch::Seen& seen) {
  const Plan& plan = runtime.plan();
  if (lane.is_source())
    return fmt::format("service {}: source {}", plan.name, plan.sources.at(lane.source).name);
  std::string text = fmt::format("service {}: partition {}: {}", plan.name, lane.partition.value, seen.what);
  if (!seen.topic.empty())
    text += fmt::format(" on {}/{}@{}, key {},", seen.topic, lane.partition.value, seen.offset.value,
                        in_quotes(seen));
  return text;
}

std::string seconds(std::chrono::duration<double> time) { return fmt::format("{:.1f} s", time.count()); }

}  // namespace

std::shared_ptr<TurnWatch> Watchdog::watch(std::size_t service, std::shared_ptr<const ServiceRuntime> runtime,
                                           Lane lane, TurnLimits limits) {
  auto watch = std::make_shared<TurnWatch>();
  if (lane.is_source()) limits.limit = Duration(0);
  prepare_for(limits);
  const std::lock_guard lock(mutex_);
  watched_.push_back({watch, service, std::move(runtime), lane, limits});
  return watch;
}

std::vector<Watchdog::Report> Watchdog::look(MonotonicTime now) {
  const MonotonicTime::duration most = 2 * interval();
  const std::lock_guard lock(mutex_);
  if (last_) time_ += std::clamp(now - *last_, MonotonicTime::duration(0), most);
  last_ = now;
  std::vector<Report> reports;
  std::erase_if(watched_, [&](Watched& w) {
    const auto watch = w.watch.lock();
    if (watch) look_at(w, *watch, reports);
    return !watch;
  });
  return reports;
}

void Watchdog::look_at(Watched& w, const TurnWatch& watch, std::vector<Report>& reports) {
  const std::uint64_t turn = watch.running();
  if (turn == 0 || turn != w.turn) {
    if (w.told) reports.push_back({Finding::returned, w.service, w.runtime, w.text + " has returned"});
    w.turn = turn, w.since = time_, w.told = w.over = false;
    return;
  }
  const auto ran = time_ - w.since;
  const auto is_over = [&](Duration limit) { return limit > Duration(0) && ran >= limit; };
  const bool slow = !w.told && is_over(w.limits.warning), over = !w.over && is_over(w.limits.limit);
  if (!slow && !over) return;
  const auto seen = watch.look(turn);
  if (!seen) return;  // it has just returned
  w.text = describe_turn(*w.runtime, w.lane, *seen);
  const std::string text = w.text + " has not returned for " + seconds(ran);
  if (slow) reports.push_back({Finding::slow, w.service, w.runtime, text});
  if (over)
    reports.push_back({Finding::over_limit, w.service, w.runtime,
                       text + ", over its limit of " + seconds(w.limits.limit) + ": this process ends"});
  w.told = w.told || slow;
  w.over = w.over || over;
}

void Watchdog::prepare_for(const TurnLimits& limits) {
  const std::lock_guard lock(mutex_);
  for (const Duration limit : {limits.warning, limits.limit})
    if (limit > Duration(0)) interval_ = std::clamp(limit / 8, shortest_interval, interval_);
}

Duration Watchdog::interval() const {
  const std::lock_guard lock(mutex_);
  return interval_;
}

}  // namespace eventy
