// What the root tells the threads outside: the state of the node. Any thread.
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
  void set_failed(std::string why) { set(NodeState::failed, std::move(why)); }

  // Waits until the state is at least `state`, at most that long; returns the state.
  NodeState wait(NodeState state, Duration time) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, time, [&] { return state_ >= state; });
    return state_;
  }
  std::string failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
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
};

}  // namespace eventy::actors
