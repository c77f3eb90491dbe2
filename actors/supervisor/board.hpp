// What the actors of a node report to other threads: the node's state and its counts. Any thread may call it.
#pragma once

#include <condition_variable>
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

  // Call it before anything is counted. Services are identified by the order of these calls.
  void add_service(std::string name) {
    const std::lock_guard lock(mutex_);
    counts_.push_back({.service = std::move(name)});
  }
  void count(std::size_t service, std::uint64_t ServiceCounts::*what) {
    const std::lock_guard lock(mutex_);
    ++(counts_.at(service).*what);
  }
  void count_failure(std::size_t service, const std::string& error_class) {
    const std::lock_guard lock(mutex_);
    ++counts_.at(service).failures[error_class];
  }
  std::vector<ServiceCounts> counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  void set(NodeState state, std::string why) {
    const std::lock_guard lock(mutex_);
    if (state <= state_) return;
    state_ = state;
    failure_ = std::move(why);
    changed_.notify_all();
  }
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  NodeState state_ = NodeState::running;
  std::string failure_ = {};
  std::vector<ServiceCounts> counts_ = {};
};

}  // namespace eventy::actors
