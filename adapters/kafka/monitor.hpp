// What a session checks at now and then, on its worker: whether its topics are as they were, and whether its
// group has left partitions without an owner. Belongs to the session's thread.
#pragma once

#include <chrono>
#include <functional>

#include "eventy/store/worker.hpp"
#include "group.hpp"
#include "inputs.hpp"

namespace eventy::kafka::detail {

class Monitor {
 public:
  struct Findings {                                               // called on the session's thread
    std::function<void(std::function<void()>)> post;              // brings them there
    std::function<void(Error)> topics_changed;                    // one is gone, or has other partitions now
    std::function<void(std::vector<InputCheck>)> checked_inputs;  // at what is read of them
    std::function<void(std::size_t count)> without_owner;         // partitions; for this member to act
  };
  Monitor(const SessionIdentity& identity, const Inputs& inputs, Findings findings);

  void assigned();  // the group has a new generation
  void check_if_due(Worker& worker);

 private:
  using Clock = std::chrono::steady_clock;
  void check_topics(Worker& worker);
  void check_group(Worker& worker);
  void report_foreign_members(const Membership& now);

  const SessionIdentity& identity_;
  const Inputs& inputs_;
  Findings findings_;
  Clock::time_point topics_due_, group_due_ = Clock::time_point::max(), suspects_due_ = {};
  bool checking_ = false;
  std::vector<std::string> foreign_reported_ = {};
};

}  // namespace eventy::kafka::detail
