// A clock that stands still until it is moved. Any thread.
#pragma once

#include <atomic>

#include "eventy/core/types.hpp"

namespace eventy::testing {

class VirtualClock final : public Clock {
 public:
  Instant now() const override { return Instant(Duration(ms_.load())); }
  void advance(Duration by) { ms_ += by.count(); }

 private:
  std::atomic<std::int64_t> ms_{1'357'000'000'000};  // an ordinary day: 1 January 2013
};

}  // namespace eventy::testing
