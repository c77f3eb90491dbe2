// SIGINT and SIGTERM of the process. Made before any other thread, so that all threads have them blocked: the
// first one calls `drain` on a thread of its own, any later one ends the process at once with 128 + its
// number.
#pragma once

#include <csignal>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

namespace eventy {

class Signals {
 public:
  Signals();
  ~Signals();  // gives them back
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // As long as this lives, `drain` may be called. After it, the first signal ends the process as well.
  class Watch {
   public:
    Watch(Signals& signals, std::function<void(int signal)> drain);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    Signals& signals_;
  };

 private:
  void wait_for_signals();

  sigset_t mine_, before_;
  std::atomic<bool> ends_ = false;
  std::mutex mutex_;
  std::function<void(int signal)> drain_;  // guarded by mutex_; empty: already called, or nobody watches
  std::thread waiter_;
};

}  // namespace eventy
