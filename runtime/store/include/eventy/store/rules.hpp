// The rules of the port that are the same for every store, checked in one place: session options, slices,
// outputs, new records. For builders of stores. Pure functions; any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "eventy/store/record_store.hpp"

namespace eventy {

// What a session's options mean once its topics are known.
struct SessionShape {
  std::vector<std::uint32_t> counts = {};  // partitions of each topic, by TopicIndex
  std::vector<TopicIndex> inputs = {};     // all that are read: inputs, then free inputs
  std::uint32_t partitions = 0;            // of the service: the largest count of what it reads

  bool reads(TopicIndex topic, PartitionId partition) const;
};

// Partition count of a topic, or nothing if there is no such topic.
using CountOf = std::function<std::optional<std::uint32_t>(const std::string& topic)>;

// not_found names the absent topic; invalid_argument names the topics whose partition counts differ, with the
// counts.
Result<SessionShape> check_session(const SessionOptions& options, const CountOf& count_of);

// invalid_argument (an index or view out of range) or too_large.
Result<void> check_outputs(const OutputBuffer& outputs, const SessionOptions& options,
                           const SessionShape& shape);
Result<void> check_effects(const SliceEffects& effects, const SessionOptions& options,
                           const SessionShape& shape);

Result<void> check_topic(
    const TopicSpec& topic);  // a name and at least one partition, at most max_partitions
Error no_topic(const std::string& topic);
Error no_partition(const std::string& topic, PartitionId partition);
Error wrong_partition_count(const std::string& topic, std::uint32_t has, std::uint32_t asked);

// The partition of a record from outside: the one it names, else that of its key.
Result<PartitionId> place(const NewRecord& record, const std::string& topic, std::uint32_t partitions);

inline constexpr std::uint32_t max_partitions = 1u << 16;
inline constexpr std::size_t max_state_key_size = 64u << 10;

// A name as it appears in a message: bytes that are not printable as \xNN, at most 80 of them.
std::string printable(std::string_view bytes);

}  // namespace eventy
