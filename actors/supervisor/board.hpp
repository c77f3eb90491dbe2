// What the actors of a node report to other threads: the node's state and the metrics of its
// services. Any thread may call it.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>

#include "eventy/actors/node_system.hpp"

namespace eventy::actors {

class Board {
 public:
  void set_idle() { set(NodeState::idle, {}); }
  void set_drained() { set(NodeState::drained, {}); }
  void set_handed_over() { set(NodeState::handed_over, {}); }
  void set_failed(std::string why) { set(NodeState::failed, std::move(why)); }

  // Waits until the state is at least `state`, at most for `time`; returns the state.
  NodeState wait(NodeState state, Duration time) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, time, [&] { return state_ >= state; });
    return state_;
  }
  std::string failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }
  // Calls `call` once, when the state is at least drained; at once if it is.
  void on_end(std::function<void()> call) {
    {
      const std::lock_guard lock(mutex_);
      if (state_ < NodeState::drained) return on_end_.push_back(std::move(call));
    }
    call();
  }

  // Call it before anything is counted. Services are identified by the order of these calls.
  void add_service(std::string name) {
    const std::lock_guard lock(mutex_);
    services_.push_back(std::make_shared<ServiceMetrics>(std::move(name)));
  }
  std::shared_ptr<ServiceMetrics> metrics(std::size_t service) const {
    const std::lock_guard lock(mutex_);
    return services_.at(service);
  }
  std::vector<ServiceCounts> counts() const {
    const std::lock_guard lock(mutex_);
    std::vector<ServiceCounts> counts;
    for (const auto& service : services_) counts.push_back(service->snapshot());
    return counts;
  }

 private:
  void set(NodeState state, std::string why) {
    std::vector<std::function<void()>> calls;
    {
      const std::lock_guard lock(mutex_);
      if (state <= state_) return;
      state_ = state;
      failure_ = std::move(why);
      changed_.notify_all();
      if (state_ >= NodeState::drained) calls.swap(on_end_);
    }
    for (const auto& call : calls) call();
  }
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  NodeState state_ = NodeState::running;
  std::string failure_ = {};
  std::vector<std::function<void()>> on_end_ = {};
  std::vector<std::shared_ptr<ServiceMetrics>> services_ = {};
};

}  // namespace eventy::actors
