// What a session checks from time to time: whether its topics are as they were, and whether its group has
// left partitions without an owner. Owned by the session; belongs to its thread. The cluster is asked on the
// preparing thread.
#pragma once

#include <chrono>
#include <functional>

#include "eventy/store/job_thread.hpp"
#include "group.hpp"
#include "inputs.hpp"

namespace eventy::kafka::detail {

class Monitor {
 public:
  struct Findings {
    std::function<void(std::function<void()>)> post;  // any thread: call it on the session's thread
    // On the session's thread.
    std::function<void(const Error&)> topics_changed;  // one is gone, or has another partition count
    std::function<void(const std::vector<InputCheck>&)> inputs_checked;
    std::function<void(std::size_t count)> without_owner;  // this member is to act
  };
  Monitor(const SessionIdentity& identity, const Inputs& inputs, Findings findings);

  void assigned();  // the group has a new generation
  void check_if_due(JobThread& worker);

 private:
  using Clock = std::chrono::steady_clock;
  void check_topics(JobThread& worker);
  void check_group(JobThread& worker);
  void take_membership(const Result<Membership>& now);
  void report_foreign_members(const Membership& now);

  const SessionIdentity& identity_;
  const Inputs& inputs_;
  Findings findings_;
  Clock::time_point topics_due_, group_due_ = Clock::time_point::max(), suspects_due_ = {};
  bool checking_ = false;
  std::vector<std::string> foreign_reported_ = {};
};

}  // namespace eventy::kafka::detail
