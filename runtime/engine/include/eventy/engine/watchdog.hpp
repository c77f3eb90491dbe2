// Finds handlers that do not return, and says when they have taken all workers of a node: the threads that
// partitions share. Holds the watches of all tasks of a node. Its owner calls check() regularly and does what
// it says. Any thread may call watch(), one at a time check().
//
// The watchdog first sees a turn at a check, so it reports late by up to one interval, and never early. A
// long time without a check counts little: a process that was stopped or starved is not stuck.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "eventy/engine/runtime.hpp"
#include "eventy/engine/slice.hpp"
#include "eventy/engine/turn_watch.hpp"

namespace eventy {

struct TurnLimits {
  Duration warning{30'000};  // a handler that runs longer is reported; 0: never
  Duration limit{300'000};   // one that runs longer ends the process; 0: never
  friend bool operator==(const TurnLimits&, const TurnLimits&) = default;
};

class Watchdog {
 public:
  enum class Runs : std::uint8_t { on_a_worker, on_its_own };  // on which thread
  // Watches a task as long as somebody else holds the watch. The code of a source may block: it is reported,
  // and has no limit. Sources run on their own threads.
  std::shared_ptr<TurnWatch> watch(std::size_t service, std::shared_ptr<const ServiceRuntime> runtime,
                                   TaskId task, TurnLimits limits, Runs runs = Runs::on_a_worker);
  // The number of workers; 0, as at the start: unknown.
  void set_workers(std::size_t count);

  enum class Finding : std::uint8_t {
    slow,         // it runs for longer than the warning
    over_limit,   // it runs for longer than the limit: the process has to end
    returned,     // a reported one has returned
    all_taken,    // no worker is free
    one_is_free,  // after all_taken: a worker is free again
  };
  struct Report {
    Finding finding;
    std::size_t service;  // its number, as given to watch()
    std::shared_ptr<const ServiceRuntime> runtime;
    std::string text;  // one line for a person: service, task, handler, record and time
  };
  std::vector<Report> check(MonotonicTime now);
  // What runs now, with service, task, handler and record as in a report. Any thread.
  std::vector<std::string> running() const;

  // Tasks with these limits will come: makes the interval short enough for them.
  void prepare_for(const TurnLimits& limits);
  // The time between checks: an eighth of the shortest limit, at most a second.
  Duration interval() const;

 private:
  struct Watched {
    std::weak_ptr<TurnWatch> watch;
    std::size_t service;
    std::shared_ptr<const ServiceRuntime> runtime;
    TaskId task;
    TurnLimits limits;
    Runs runs;
    std::uint64_t turn = 0;            // the last one that was seen; 0: none
    MonotonicTime::duration since{0};  // by the watchdog's own time
    bool told = false, over = false;
    std::string text = {};
  };
  void check(Watched& w, const TurnWatch& watch, std::vector<Report>& reports);
  void count_workers(std::vector<Report>& reports);
  std::string describe_all_taken(const std::vector<const Watched*>& by) const;
  static std::optional<std::string> name_of(const Watched& w);  // nullopt: nothing runs

  mutable std::mutex mutex_;
  std::vector<Watched> watched_ = {};
  std::optional<MonotonicTime> last_ = {};
  MonotonicTime::duration time_{0};
  Duration interval_{1'000};
  std::size_t workers_ = 0;
  bool told_all_taken_ = false;
};

}  // namespace eventy
