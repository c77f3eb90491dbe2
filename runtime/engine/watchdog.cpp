#include "eventy/engine/watchdog.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace eventy {

namespace {

constexpr Duration shortest_interval{10};
constexpr Duration holds_after{
    5'000};  // a handler that runs longer holds its worker; sooner, if that is slow
constexpr std::size_t max_named = 8;

// Keys come from outside and are part of a log line.
std::string in_quotes(const TurnWatch::Seen& seen) {
  std::string out = "\"";
  for (const char c : seen.key)
    out += c >= ' ' && c < 127 && c != '"' && c != '\\'
               ? std::string(1, c)
               : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return out + (seen.key_size > seen.key.size() ? "…\"" : "\"");
}

std::string describe_turn(const ServiceRuntime& runtime, TaskId task, const TurnWatch::Seen& seen) {
  const Plan& plan = runtime.plan();
  if (task.is_source())
    return fmt::format("service {}: source {}", plan.name, plan.sources.at(task.source).name);
  std::string text = fmt::format("service {}: partition {}: {}", plan.name, task.partition.value, seen.what);
  if (!seen.topic.empty())
    text += fmt::format(" on {}/{}@{}, key {}", seen.topic, task.partition.value, seen.offset.value,
                        in_quotes(seen));
  return text;
}

// What a user has to declare if handlers wait.
std::string how_to_declare(const ServiceRuntime& runtime) {
  const std::string& name = runtime.plan().name;
  return fmt::format(
      ". If it waits for something, declare the service: .blocking() in code, or blocking = true in "
      "[services.{0}{1}{0}]",
      name.find('.') == std::string::npos ? "" : "\"", name);
}

std::string seconds(std::chrono::duration<double> time) { return fmt::format("{:.1f} s", time.count()); }

}  // namespace

std::shared_ptr<TurnWatch> Watchdog::watch(std::size_t service, std::shared_ptr<const ServiceRuntime> runtime,
                                           TaskId task, TurnLimits limits, Runs runs) {
  auto watch = std::make_shared<TurnWatch>();
  if (task.is_source()) limits.limit = Duration(0), runs = Runs::on_its_own;
  prepare_for(limits);
  const std::lock_guard lock(mutex_);
  watched_.push_back({watch, service, std::move(runtime), task, limits, runs});
  return watch;
}

std::vector<Watchdog::Report> Watchdog::check(MonotonicTime now) {
  const MonotonicTime::duration most = 2 * interval();
  const std::lock_guard lock(mutex_);
  if (last_) time_ += std::clamp(now - *last_, MonotonicTime::duration(0), most);
  last_ = now;
  std::vector<Report> reports;
  std::erase_if(watched_, [&](Watched& w) {
    const auto watch = w.watch.lock();
    if (watch) check(w, *watch, reports);
    return !watch;
  });
  count_workers(reports);
  return reports;
}

void Watchdog::count_workers(std::vector<Report>& reports) {
  std::vector<const Watched*> holding;
  for (const Watched& w : watched_) {
    if (w.turn == 0 || w.runs == Runs::on_its_own) continue;
    const auto slow = w.limits.warning > Duration(0) ? std::min(w.limits.warning, holds_after) : holds_after;
    if (time_ - w.since >= slow) holding.push_back(&w);
  }
  const bool all_taken = workers_ > 0 && holding.size() >= workers_;
  if (std::exchange(told_all_taken_, all_taken) == all_taken || watched_.empty()) return;
  const Watched& first = all_taken ? *holding.front() : watched_.front();
  reports.push_back({all_taken ? Finding::all_taken : Finding::one_is_free, first.service, first.runtime,
                     all_taken ? describe_all_taken(holding) : "a thread for partitions is free again"});
}

std::string Watchdog::describe_all_taken(const std::vector<const Watched*>& by) const {
  std::string names;
  for (std::size_t i = 0; i < std::min(by.size(), max_named); ++i)
    if (const auto name = name_of(*by[i])) names += (names.empty() ? "" : "; ") + *name;
  const std::string taken =
      workers_ == 1
          ? "the only thread for partitions is taken by a handler that does not return"
          : fmt::format("all {} threads for partitions are taken by handlers that do not return", workers_);
  return taken + ", and no other partition goes on: " + names + how_to_declare(*by.front()->runtime);
}

std::optional<std::string> Watchdog::name_of(const Watched& w) {
  const auto watch = w.watch.lock();
  const auto seen = watch ? watch->check(watch->running()) : std::nullopt;
  if (!seen) return std::nullopt;
  return describe_turn(*w.runtime, w.task, *seen);
}

std::vector<std::string> Watchdog::running() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> all;
  for (const Watched& w : watched_)
    if (auto name = name_of(w)) all.push_back(*std::move(name));
  return all;
}

void Watchdog::set_workers(std::size_t count) {
  const std::lock_guard lock(mutex_);
  workers_ = count;
}

void Watchdog::check(Watched& w, const TurnWatch& watch, std::vector<Report>& reports) {
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
  const auto seen = watch.check(turn);
  if (!seen) return;  // it has returned
  w.text = describe_turn(*w.runtime, w.task, *seen) + (seen->topic.empty() ? "" : ",");
  const std::string text = w.text + " has not returned for " + seconds(ran);
  if (slow)
    reports.push_back({Finding::slow, w.service, w.runtime,
                       w.runs == Runs::on_a_worker ? text + how_to_declare(*w.runtime) : text});
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
