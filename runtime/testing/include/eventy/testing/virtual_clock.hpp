// Both clocks, which only move when they are told to. Any thread.
#pragma once

#include <atomic>

#include "eventy/core/types.hpp"

namespace eventy::testing {

class VirtualClock final : public Clock {
 public:
  MonotonicTime now() const override { return MonotonicTime(MonotonicTime::duration(ns_.load())); }
  WallTime wall() const override {
    return std::chrono::floor<WallTime::duration>(began + MonotonicTime::duration(ns_ + set_by_.load()));
  }

  // Advances both clocks.
  void advance(MonotonicTime::duration by) { ns_ += by.count(); }
  // Sets the date forward or, if `by` is negative, back; the monotonic clock does not change.
  void set_wall(MonotonicTime::duration by) { set_by_ += by.count(); }
  // Advances the monotonic clock only.
  void advance_monotonic(MonotonicTime::duration by) { advance(by), set_wall(-by); }

 private:
  static constexpr WallTime began{std::chrono::seconds(1'357'000'000)};  // an ordinary day: 1 January 2013
  std::atomic<std::int64_t> ns_{1'000'000'000};                          // no clock that is read begins at 0
  std::atomic<std::int64_t> set_by_{-1'000'000'000};
};

}  // namespace eventy::testing
