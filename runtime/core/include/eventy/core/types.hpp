// Strong types for what must not be mixed up, and the clock that every decision takes.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace eventy {

using Duration = std::chrono::milliseconds;
using Instant = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;  // UTC

template <class Tag, class T>
struct Strong {
  T value{};
  friend auto operator<=>(const Strong&, const Strong&) = default;
};

using PartitionId = Strong<struct PartitionTag, std::uint32_t>;
using Offset = Strong<struct OffsetTag, std::int64_t>;       // place of a record in a topic partition, from 0
using Epoch = Strong<struct EpochTag, std::uint64_t>;        // of an assignment or a rewind; grows
using CycleId = Strong<struct CycleTag, std::uint64_t>;      // number of a commit cycle of a session, from 1
using SliceNumber = Strong<struct SliceTag, std::uint64_t>;  // of a lane since its last (re)start, from 1
using TopicIndex =
    Strong<struct TopicTag, std::uint32_t>;  // index into the topics that a session was opened with
using KeyspaceIndex = Strong<struct KeyspaceTag, std::uint32_t>;  // index into the keyspaces of a session

// Time as decisions see it: real in a node, virtual in tests. Called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Instant now() const override {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
};

}  // namespace eventy

template <class Tag, class T>
struct std::hash<eventy::Strong<Tag, T>> {
  std::size_t operator()(const eventy::Strong<Tag, T>& v) const { return std::hash<T>{}(v.value); }
};
