// Handles SIGINT and SIGTERM of the process. Construct it before any other thread, so that all threads block
// them. The first signal calls `drain` on a thread of its own; any later one ends the process at once with
// 128 + its number. Before a Watcher exists, the first signal ends the process at once, with 0 as after a
// drain; after the Watcher is gone, it has no effect.
#pragma once

#include <csignal>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace eventy {

class Signals {
 public:
  Signals();
  ~Signals();  // restores the previous signal mask
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // `drain` may be called during its lifetime.
  class Watcher {
   public:
    Watcher(Signals& signals, std::function<void(int signal)> drain);
    ~Watcher();
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

   private:
    Signals& signals_;
  };

 private:
  void wait_for_signals();

  sigset_t mine_, before_;
  std::atomic<bool> ends_ = false;
  enum class Stage : std::uint8_t { starting, watched, over };
  std::mutex mutex_;
  Stage stage_ = Stage::starting;          // guarded by mutex_
  std::function<void(int signal)> drain_;  // guarded by mutex_
  std::thread waiter_;
};

}  // namespace eventy
