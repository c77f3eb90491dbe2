#include "watchdog_thread.hpp"

#include <spdlog/spdlog.h>

#include <chrono>

namespace eventy::actors {

void answer(const Watchdog::Report& report, Board& board) {
  const auto& log = report.runtime->options().log;
  switch (report.finding) {
    case Watchdog::Finding::slow:
      board.metrics(report.service)->supervision().slow_handlers.add();
      if (log) log->warn("{}", report.text);
      break;
    case Watchdog::Finding::returned:
    case Watchdog::Finding::one_is_free:
      if (log) log->info("{}", report.text);
      break;
    case Watchdog::Finding::all_taken:
      if (log) log->error("{}", report.text);
      break;
    case Watchdog::Finding::over_limit:
      board.metrics(report.service)->supervision().stuck_handlers.add();
      board.set_failed(report.text);
      break;
  }
}

WatchdogThread::WatchdogThread(std::shared_ptr<Watchdog> watchdog, std::shared_ptr<Board> board)
    : watchdog_(std::move(watchdog)), board_(std::move(board)), thread_([this] { watch(); }) {}

WatchdogThread::~WatchdogThread() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  ends_.notify_all();
  thread_.join();
}

void WatchdogThread::watch() {
  std::unique_lock lock(mutex_);
  while (!ends_.wait_for(lock, watchdog_->interval(), [this] { return ended_; })) {
    lock.unlock();
    check();
    lock.lock();
  }
}

// If memory is short, this check is skipped; the next one follows.
void WatchdogThread::check() {
  try {
    for (const auto& report : watchdog_->check(std::chrono::steady_clock::now())) answer(report, *board_);
  } catch (const std::bad_alloc&) {
  }
}

}  // namespace eventy::actors
