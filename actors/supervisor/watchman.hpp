// The one thread of a node that looks after handlers that do not return: it lets the watchdog look, and
// writes to the log and on the board what that finds. Over the limit the node has failed.
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

class Watchman {
 public:
  Watchman(std::shared_ptr<Watchdog> watchdog, std::shared_ptr<Board> board);
  ~Watchman();  // ends the thread
  Watchman(const Watchman&) = delete;
  Watchman& operator=(const Watchman&) = delete;

 private:
  void watch();
  void look();

  std::shared_ptr<Watchdog> watchdog_;
  std::shared_ptr<Board> board_;
  std::mutex mutex_;
  std::condition_variable ends_;
  bool ended_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace eventy::actors
