// Learns from RocksDB that a write of its log failed. After a failure nothing may write to that log, not even
// RocksDB's own recovery: anything after the failed write may be lost silently, and RocksDB 7.8 then aborts
// the process by an assertion. Any thread.
#pragma once

#include <rocksdb/listener.h>

#include <atomic>

namespace eventy::rocksdb::detail {

class LogFailures final : public ::rocksdb::EventListener {
 public:
  bool failed() const { return failed_; }

  void OnBackgroundError(::rocksdb::BackgroundErrorReason reason, ::rocksdb::Status*) override {
    if (reason == ::rocksdb::BackgroundErrorReason::kWriteCallback) failed_ = true;
  }
  void OnErrorRecoveryBegin(::rocksdb::BackgroundErrorReason reason, ::rocksdb::Status,
                            bool* recover) override {
    if (reason == ::rocksdb::BackgroundErrorReason::kWriteCallback) *recover = false;
  }

 private:
  std::atomic<bool> failed_ = false;
};

}  // namespace eventy::rocksdb::detail
