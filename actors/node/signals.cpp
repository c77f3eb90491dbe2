#include "signals.hpp"

#include <unistd.h>

#include <ctime>
#include <utility>

namespace eventy {

Signals::Signals() {
  sigemptyset(&mine_);
  sigaddset(&mine_, SIGINT);
  sigaddset(&mine_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &mine_, &before_);
  waiter_ = std::thread([this] { wait_for_signals(); });
}

Signals::~Signals() {
  ends_ = true;
  waiter_.join();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void Signals::wait_for_signals() {
  constexpr timespec a_moment{0, 50'000'000};  // then checks whether this is over
  bool is_first = true;
  while (!ends_) {
    const int signal = sigtimedwait(&mine_, nullptr, &a_moment);
    if (signal <= 0) continue;
    const std::lock_guard lock(mutex_);
    if (!std::exchange(is_first, false)) _exit(128 + signal);
    if (stage_ == Stage::starting) _exit(0);
    if (stage_ == Stage::watched) drain_(signal);
  }
}

Signals::Watcher::Watcher(Signals& signals, std::function<void(int signal)> drain) : signals_(signals) {
  const std::lock_guard lock(signals_.mutex_);
  signals_.drain_ = std::move(drain);
  signals_.stage_ = Stage::watched;
}

Signals::Watcher::~Watcher() {
  const std::lock_guard lock(signals_.mutex_);
  signals_.drain_ = nullptr;
  signals_.stage_ = Stage::over;
}

}  // namespace eventy
