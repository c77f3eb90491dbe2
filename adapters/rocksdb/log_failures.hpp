// Told by RocksDB when it failed to write its log. A log that has once failed must not be written again, also
// not by RocksDB's own recovery: what stands in it behind the failure may be lost without a sign, and RocksDB
// 7.8 ends the process by an assertion there. Any thread.
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
