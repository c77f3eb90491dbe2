// Random decisions from a seed: the same seed makes the same decisions on every machine. One thread.
#pragma once

#include <cstdint>

#include "eventy/core/types.hpp"

namespace eventy::testing {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {  // splitmix64
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  std::uint64_t below(std::uint64_t n) { return n == 0 ? 0 : next() % n; }
  std::uint64_t between(std::uint64_t min, std::uint64_t max) { return min + below(max - min + 1); }
  // True with a probability from 0 to 1.
  bool happens(double probability) {
    return probability > 0 && static_cast<double>(next() >> 11) * 0x1p-53 < probability;
  }
  Duration up_to(Duration max) {
    return Duration(static_cast<std::int64_t>(below(static_cast<std::uint64_t>(max.count()) + 1)));
  }

 private:
  std::uint64_t state_;
};

}  // namespace eventy::testing
