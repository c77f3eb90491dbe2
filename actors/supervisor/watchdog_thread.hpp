// The one thread of a node that finds handlers which do not return. It calls the watchdog's check(), and
// writes its findings to the log and to the board. A handler over its limit fails the node.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "board.hpp"
#include "eventy/engine/watchdog.hpp"

namespace eventy::actors {

// What is done about a finding of the watchdog; any thread.
void answer(const Watchdog::Report& report, Board& board);

class WatchdogThread {
 public:
  WatchdogThread(std::shared_ptr<Watchdog> watchdog, std::shared_ptr<Board> board);
  ~WatchdogThread();  // ends the thread
  WatchdogThread(const WatchdogThread&) = delete;
  WatchdogThread& operator=(const WatchdogThread&) = delete;

 private:
  void watch();
  void check();

  std::shared_ptr<Watchdog> watchdog_;
  std::shared_ptr<Board> board_;
  std::mutex mutex_;
  std::condition_variable ends_;
  bool ended_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace eventy::actors
