// A thread that does one job at a time, for writes that wait for the disk. The owner's thread calls
// everything.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace eventy::rocksdb::detail {

class Worker {
 public:
  Worker() : thread_([this] { work(); }) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {  // waits for the job in hand
    {
      std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  // Begins a job; the one before is done.
  void begin(std::function<void()> job) {
    {
      std::lock_guard lock(mutex_);
      job_ = std::move(job);
    }
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !job_; });
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return job_ || ending_; });
      if (!job_) return;
      lock.unlock();
      job_();
      lock.lock();
      job_ = nullptr;
      changed_.notify_all();
    }
  }

  std::mutex mutex_ = {};
  std::condition_variable changed_ = {};
  std::function<void()> job_ = {};
  bool ending_ = false;
  std::thread thread_;  // the last member: it uses the others
};

}  // namespace eventy::rocksdb::detail
