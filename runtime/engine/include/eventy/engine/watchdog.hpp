// Finds handlers that do not return, and says when they have taken all of a node's workers, the threads that
// partitions share. Holds the watches of all tasks of a node; whoever owns it calls check()
// now and then and does what it says. watch() may be called by any thread, check() by one at a time.
//
// The watchdog first sees a turn at some check, so it reports late by up to the time between two checks,
// never early. Time in which nobody looked counts for little: a process that was stopped or starved is not
// taken for stuck.
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
  Duration warning{30'000};  // a handler that runs longer is told of; 0: never
  Duration limit{300'000};   // one that runs longer ends the process; 0: never
  friend bool operator==(const TurnLimits&, const TurnLimits&) = default;
};

class Watchdog {
 public:
  enum class Runs : std::uint8_t { on_a_worker, on_its_own };  // on which thread
  // Begins to watch a task. It does so until nobody else holds the watch. The code of a source may block: it
  // is told of, but has no limit. Sources always run on their own.
  std::shared_ptr<TurnWatch> watch(std::size_t service, std::shared_ptr<const ServiceRuntime> runtime,
                                   TaskId task, TurnLimits limits, Runs runs = Runs::on_a_worker);
  // How many workers there are; 0, as at the start: not known.
  void set_workers(std::size_t count);

  enum class Finding : std::uint8_t {
    slow,         // it runs for longer than the warning
    over_limit,   // it runs for longer than the limit: the process is to end
    returned,     // one that was told of is over
    all_taken,    // no worker is left
    one_is_free,  // after that, a worker is left again
  };
  struct Report {
    Finding finding;
    std::size_t service;  // its number, as given to watch()
    std::shared_ptr<const ServiceRuntime> runtime;
    std::string text;  // one line for a person: service, task, handler, record and time
  };
  std::vector<Report> check(MonotonicTime now);
  // What runs at this moment, each as in a report: service, task, handler and record. Any thread.
  std::vector<std::string> running() const;

  // Such tasks will come: from now on it wants to look often enough for them.
  void prepare_for(const TurnLimits& limits);
  // How often to look, so that nobody is told of later than by an eighth of its limit; a second at most.
  Duration interval() const;

 private:
  struct Watched {
    std::weak_ptr<TurnWatch> watch;
    std::size_t service;
    std::shared_ptr<const ServiceRuntime> runtime;
    TaskId task;
    TurnLimits limits;
    Runs runs;
    std::uint64_t turn = 0;            // that was seen last; 0: none
    MonotonicTime::duration since{0};  // by the watchdog's own time
    bool told = false, over = false;
    std::string text = {};
  };
  void check(Watched& w, const TurnWatch& watch, std::vector<Report>& reports);
  void count_workers(std::vector<Report>& reports);
  std::string describe_all_taken(const std::vector<const Watched*>& by) const;
  static std::optional<std::string> name_of(const Watched& w);  // nullopt: it runs nothing

  mutable std::mutex mutex_;
  std::vector<Watched> watched_ = {};
  std::optional<MonotonicTime> last_ = {};
  MonotonicTime::duration time_{0};
  Duration interval_{1'000};
  std::size_t workers_ = 0;
  bool told_all_taken_ = false;
};

}  // namespace eventy
