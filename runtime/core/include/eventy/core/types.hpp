// Strong types for values that must not be mixed up, and the port to the two clocks.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace eventy {

using Duration = std::chrono::milliseconds;  // for waits and limits, as configured
// Advances steadily even when the date is changed: for every wait and decision. Has no meaning in another
// process.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
// The date in UTC. It jumps when somebody sets it: for dates, and for due times that outlive a process.
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;
// A date as records and states hold it: UTC, truncated to the millisecond.
using Instant = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

template <class Tag, class T>
struct Strong {
  T value{};
  friend auto operator<=>(const Strong&, const Strong&) = default;
};

using PartitionId = Strong<struct PartitionTag, std::uint32_t>;
using Offset = Strong<struct OffsetTag, std::int64_t>;   // of a record in a topic partition, from 0
using Epoch = Strong<struct EpochTag, std::uint64_t>;    // counts a task's starts and rewinds
using CycleId = Strong<struct CycleTag, std::uint64_t>;  // a session's commit cycle, from 1
// A task's slice in its epoch, from 1.
using SliceNumber = Strong<struct SliceTag, std::uint64_t>;
// Index into the topics that a session was opened with.
using TopicIndex = Strong<struct TopicTag, std::uint32_t>;
using KeyspaceIndex = Strong<struct KeyspaceTag, std::uint32_t>;  // index into a session's keyspaces

// Both clocks: real in a node, virtual in tests. Any thread may call it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime now() const = 0;
  virtual WallTime wall() const = 0;
  Instant date() const { return std::chrono::floor<std::chrono::milliseconds>(wall()); }
};

class SystemClock final : public Clock {
 public:
  MonotonicTime now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall() const override {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  }
};

}  // namespace eventy

template <class Tag, class T>
struct std::hash<eventy::Strong<Tag, T>> {
  std::size_t operator()(const eventy::Strong<Tag, T>& v) const { return std::hash<T>{}(v.value); }
};
