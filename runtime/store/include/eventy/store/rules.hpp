// The rules of the port that hold for every store: for session options, slices, outputs and new records. For
// authors of stores. Pure functions; any thread may call them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "eventy/store/record_store.hpp"

namespace eventy {

// A session's options with the partition counts of its topics.
struct SessionShape {
  std::vector<std::uint32_t> counts = {};  // partitions of each topic, by TopicIndex
  std::vector<TopicIndex> inputs = {};     // all topics that are read: inputs, then independent inputs
  std::uint32_t partitions = 0;            // of the service: the largest count among its inputs

  bool reads(TopicIndex topic, PartitionId partition) const;
};

// The partition count of a topic; nullopt: the topic does not exist.
using CountOf = std::function<std::optional<std::uint32_t>(const std::string& topic)>;

// not_found names the missing topic; invalid_argument names the topics whose partition counts differ, and the
// counts.
Result<SessionShape> check_session(const SessionOptions& options, const CountOf& count_of);

// Fails with invalid_argument (an index or a view is out of range) or too_large.
Result<void> check_outputs(const OutputBuffer& outputs, const SessionOptions& options,
                           const SessionShape& shape);
Result<void> check_effects(const SliceEffects& effects, const SessionOptions& options,
                           const SessionShape& shape);

// A topic needs a name and 1 to max_partitions partitions.
Result<void> check_topic(const TopicSpec& topic);
Error no_topic(const std::string& topic);
Error no_partition(const std::string& topic, PartitionId partition);
Error wrong_partition_count(const std::string& topic, std::uint32_t has, std::uint32_t asked);

// The partition of a new record: the one that it names, else the key's.
Result<PartitionId> place(const NewRecord& record, const std::string& topic, std::uint32_t partitions);

inline constexpr std::uint32_t max_partitions = 1u << 16;
inline constexpr std::size_t max_state_key_bytes = 64u << 10;

// A name as messages show it: bytes that are not printable as \xNN, at most 80 bytes.
std::string printable(std::string_view bytes);

}  // namespace eventy
