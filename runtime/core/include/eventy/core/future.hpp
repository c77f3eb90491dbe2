// The outcome of something that another thread completes. Promise: the side that completes it, once. Future:
// the side that waits. Every wait has a bound. Any thread may use either; copies share the outcome.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "eventy/core/result.hpp"
#include "eventy/core/types.hpp"

namespace eventy {

// Marks the current thread, while it lives, as one that runs the callbacks of others: it must not wait for
// what it would complete itself.
class CallbackThread {
 public:
  CallbackThread() : before_(is_current_) { is_current_ = true; }
  ~CallbackThread() { is_current_ = before_; }
  CallbackThread(const CallbackThread&) = delete;
  CallbackThread& operator=(const CallbackThread&) = delete;
  static bool is_current() { return is_current_; }
  // The error of a wait on such a thread. `what`: "wait for a future", for example.
  static Error refused(std::string_view what);

 private:
  static inline thread_local bool is_current_ = false;
  bool before_;
};

namespace detail {
template <class T>
struct Outcome {
  std::mutex mutex = {};
  std::condition_variable changed = {};
  std::optional<Result<T>> result = {};  // guarded by `mutex`
};
}  // namespace detail

template <class T>
class Future {
 public:
  explicit Future(std::shared_ptr<detail::Outcome<T>> outcome) : outcome_(std::move(outcome)) {}

  // Waits at most so long: the outcome, or timed_out, after which it may be asked again. invalid_argument, at
  // once, on a thread that runs callbacks.
  Result<T> get(Duration within) const {
    if (CallbackThread::is_current()) return CallbackThread::refused("wait for a future");
    std::unique_lock lock(outcome_->mutex);
    if (!outcome_->changed.wait_for(lock, within, [this] { return outcome_->result.has_value(); }))
      return Error{ErrorCode::timed_out,
                   "no outcome within " + std::to_string(within.count()) + " ms; it may still come"};
    return *outcome_->result;
  }
  bool ready() const {
    const std::lock_guard lock(outcome_->mutex);
    return outcome_->result.has_value();
  }

 private:
  std::shared_ptr<detail::Outcome<T>> outcome_;
};

template <class T>
class Promise {
 public:
  Promise() = default;
  Promise(const Promise&) = delete;
  Promise& operator=(const Promise&) = delete;
  Promise(Promise&&) noexcept = default;
  Promise& operator=(Promise&&) = delete;
  // A promise that nobody completed ends with `closed`.
  ~Promise() {
    if (outcome_) complete(Error{ErrorCode::closed, "it ended without an outcome"});
  }

  Future<T> future() const { return Future<T>(outcome_); }
  // The first call counts; later ones do nothing.
  void complete(Result<T> result) {
    const std::lock_guard lock(outcome_->mutex);
    if (outcome_->result) return;
    outcome_->result.emplace(std::move(result));
    outcome_->changed.notify_all();
  }

 private:
  std::shared_ptr<detail::Outcome<T>> outcome_ = std::make_shared<detail::Outcome<T>>();
};

}  // namespace eventy
