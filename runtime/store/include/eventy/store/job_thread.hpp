// A thread that runs jobs one after another, for a store's writes that wait for a disk or a network. One
// thread, the owner's, calls every function.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace eventy {

class JobThread {
 public:
  JobThread() : thread_([this] { work(); }) {}
  JobThread(const JobThread&) = delete;
  JobThread& operator=(const JobThread&) = delete;
  ~JobThread() {  // waits for the remaining jobs
    {
      std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void enqueue(std::function<void()> job) {  // `job` must not throw
    {
      std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    changed_.notify_all();
  }
  void wait() {  // until all jobs are done
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return jobs_.empty(); });
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return !jobs_.empty() || ending_; });
      if (jobs_.empty()) return;
      auto& job = jobs_.front();
      lock.unlock();
      job();
      lock.lock();
      jobs_.pop_front();
      changed_.notify_all();
    }
  }

  std::mutex mutex_ = {};
  std::condition_variable changed_ = {};
  std::deque<std::function<void()>> jobs_ = {};  // the first one is running
  bool ending_ = false;
  std::thread thread_;  // the last member: it uses the others
};

}  // namespace eventy
