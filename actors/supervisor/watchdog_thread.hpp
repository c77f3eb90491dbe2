// The thread of a node that watches for handlers that do not return. It runs the watchdog's checks and
// reports findings to the log and the board. If a handler exceeds the limit, the node has failed.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "board.hpp"
#include "eventy/engine/watchdog.hpp"

namespace eventy::actors {

// Reports a finding of the watchdog. Any thread may call it.
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
