// What a supervisor decides when a child fails: after how long to restart it and with which others, or to
// give up. A plain class that takes times. Owned by one supervisor; one thread at a time.
//
// As in OTP, intensity counts for all children of a supervisor together. Backoff counts for each child, so
// that a child that fails all the time does not delay the first restart of another one.
#pragma once

#include <array>
#include <map>
#include <string_view>
#include <vector>

#include "eventy/engine/restart_policy.hpp"
#include "eventy/engine/slice.hpp"

namespace eventy {

enum class Strategy : std::uint8_t {
  one_for_one,  // the child that failed
  one_for_all,  // all children
  rest_for_one  // the child that failed, and those that depend on it
};
inline constexpr std::array<std::string_view, 3> strategy_names{"one_for_one", "one_for_all", "rest_for_one"};

struct SupervisionOptions {
  Strategy strategy = Strategy::one_for_one;
  RestartOptions restarts = {};
  friend bool operator==(const SupervisionOptions&, const SupervisionOptions&) = default;
};

class Supervision {
 public:
  struct Child {
    std::uint32_t rank = 0;  // it depends on all children of lower ranks, and on none of its own
    std::uint32_t number = 0;
    friend auto operator<=>(const Child&, const Child&) = default;
  };
  // The children of a service: its bridge; its sources, whose records its partitions may handle; its
  // partitions, which do not depend on each other. When the bridge fails, all restart under every strategy,
  // because they belong to its session.
  static constexpr Child bridge{0, 0};
  static Child child(TaskId task) {
    return task.is_source() ? Child{1, task.source} : Child{2, task.partition.value};
  }
  // The children of a node: its services, in the order in which the program names them.
  static Child service(std::size_t number) { return {static_cast<std::uint32_t>(number), 0}; }

  enum class FirstChild : std::uint8_t { owns_all, is_peer };  // of a child of rank 0
  Supervision(SupervisionOptions options, FirstChild first)
      : options_(options), first_(first), policy_(options.restarts) {}

  struct Decision {
    RestartPolicy::Verdict verdict = RestartPolicy::Verdict::restart;
    Duration wait{0};                 // before the restart
    std::vector<Child> with_it = {};  // running children to stop now and restart with it; last first
  };
  // `child` failed at `now`, with the code if its error has one; `running` are the others.
  Decision failed(Child child, MonotonicTime now, std::optional<ErrorCode> code,
                  const std::vector<Child>& running);

  const SupervisionOptions& options() const { return options_; }
  std::size_t recent() const { return policy_.recent(); }

 private:
  bool takes(Child failed, Child other) const;

  SupervisionOptions options_;
  FirstChild first_;
  RestartPolicy policy_;
  std::map<Child, Backoff> backoffs_ = {};
};

}  // namespace eventy
