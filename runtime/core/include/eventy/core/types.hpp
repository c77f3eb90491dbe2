// Strong types for what must not be mixed up, and the two clocks that every decision takes.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace eventy {

using Duration = std::chrono::milliseconds;  // of waits and limits, as they are configured
// Goes on steadily, whatever happens to the date: for every wait and decision. Means nothing to another
// process.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
// The date, UTC. People and tools set it, so it may jump: for dates, and for due times that outlive a
// process.
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;
// A date as records and states carry it: UTC, cut to the millisecond.
using Instant = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

template <class Tag, class T>
struct Strong {
  T value{};
  friend auto operator<=>(const Strong&, const Strong&) = default;
};

using PartitionId = Strong<struct PartitionTag, std::uint32_t>;
using Offset = Strong<struct OffsetTag, std::int64_t>;       // place of a record in a topic partition, from 0
using Epoch = Strong<struct EpochTag, std::uint64_t>;        // of an assignment or a rewind; grows
using CycleId = Strong<struct CycleTag, std::uint64_t>;      // number of a commit cycle of a session, from 1
using SliceNumber = Strong<struct SliceTag, std::uint64_t>;  // of a task since its last (re)start, from 1
using TopicIndex =
    Strong<struct TopicTag, std::uint32_t>;  // index into the topics that a session was opened with
using KeyspaceIndex = Strong<struct KeyspaceTag, std::uint32_t>;  // index into the keyspaces of a session

// Both clocks: real in a node, virtual in tests. Called from any thread.
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
