#include "eventy/store/rules.hpp"

#include <algorithm>

#include "eventy/core/ids.hpp"
#include "eventy/store/chunk.hpp"

namespace eventy {
namespace {

Error invalid(std::string text) { return {ErrorCode::invalid_argument, std::move(text)}; }

std::string of_topic(const std::string& topic, PartitionId partition) {
  return "topic " + printable(topic) + " partition " + std::to_string(partition.value);
}

Result<void> check_record_size(std::size_t size, const std::string& where) {
  if (size <= max_record_bytes) return {};
  return Error{ErrorCode::too_large, "a record of " + std::to_string(size) + " bytes for " + where +
                                         ": at most " + std::to_string(max_record_bytes) + " are stored"};
}

bool inside(std::size_t at, std::size_t size, const std::string& bytes) {
  return at <= bytes.size() && size <= bytes.size() - at;
}

Result<std::size_t> headers_size(const OutputBuffer& outputs, const OutputBuffer::Entry& e) {
  if (e.first_header > outputs.headers.size() || e.headers > outputs.headers.size() - e.first_header)
    return invalid("an output refers to headers outside of its buffer");
  std::size_t size = 0;
  for (std::uint32_t i = 0; i < e.headers; ++i) {
    const auto& h = outputs.headers[e.first_header + i];
    if (!inside(h.name_at, h.name_size, outputs.bytes) || !inside(h.value_at, h.value_size, outputs.bytes))
      return invalid("a header of an output reaches beyond its buffer");
    size += std::size_t{h.name_size} + h.value_size + 8;
  }
  return size;
}

}  // namespace

bool SessionShape::reads(TopicIndex topic, PartitionId partition) const {
  return topic.value < counts.size() && partition.value < counts[topic.value] &&
         std::find(inputs.begin(), inputs.end(), topic) != inputs.end();
}

std::string printable(std::string_view bytes) {
  constexpr std::size_t most = 80;
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (unsigned char c : bytes.substr(0, most)) {
    if (c >= 0x20 && c < 0x7f && c != '\\') {
      text += static_cast<char>(c);
    } else {
      text += "\\x";
      text += digits[c >> 4];
      text += digits[c & 15];
    }
  }
  return bytes.size() > most ? text + "…" : text;
}

Result<SessionShape> check_session(const SessionOptions& options, const CountOf& count_of) {
  if (options.service.empty()) return invalid("a session needs the name of its service");
  SessionShape shape;
  for (const auto& topic : options.topics) {
    auto count = count_of(topic);
    if (!count)
      return Error{ErrorCode::not_found, "service " + printable(options.service) + ": topic " +
                                             printable(topic) + " does not exist"};
    shape.counts.push_back(*count);
  }
  shape.inputs = options.inputs;
  shape.inputs.insert(shape.inputs.end(), options.independent_inputs.begin(),
                      options.independent_inputs.end());
  for (std::size_t i = 0; i < shape.inputs.size(); ++i) {
    const TopicIndex input = shape.inputs[i];
    if (input.value >= options.topics.size())
      return invalid("service " + printable(options.service) + ": an input is not among its topics");
    if (std::find(shape.inputs.begin(), shape.inputs.begin() + static_cast<std::ptrdiff_t>(i), input) !=
        shape.inputs.begin() + static_cast<std::ptrdiff_t>(i))
      return invalid("service " + printable(options.service) + ": topic " +
                     printable(options.topics[input.value]) + " is an input twice");
    shape.partitions = std::max(shape.partitions, shape.counts[input.value]);
  }
  for (const TopicIndex input : options.inputs) {
    const TopicIndex lead = options.inputs.front();
    if (shape.counts[input.value] == shape.counts[lead.value]) continue;
    return invalid(
        "service " + printable(options.service) + ": topics that it reads together need equal partition " +
        "counts, but " + printable(options.topics[lead.value]) + " has " +
        std::to_string(shape.counts[lead.value]) + " and " + printable(options.topics[input.value]) +
        " has " + std::to_string(shape.counts[input.value]));
  }
  return shape;
}

Result<void> check_outputs(const OutputBuffer& outputs, const SessionOptions& options,
                           const SessionShape& shape) {
  for (const auto& e : outputs.entries) {
    if (e.topic.value >= shape.counts.size())
      return invalid("an output to a topic that the session did not name");
    const std::string& topic = options.topics[e.topic.value];
    if (e.partition.value >= shape.counts[e.topic.value])
      return invalid("an output to " + of_topic(topic, e.partition) + ", which has only " +
                     std::to_string(shape.counts[e.topic.value]) + " partitions");
    if (!inside(e.key_at, e.key_size, outputs.bytes) || !inside(e.value_at, e.value_size, outputs.bytes))
      return invalid("an output to " + of_topic(topic, e.partition) + " reaches beyond its buffer");
    std::size_t size = std::size_t{e.key_size} + e.value_size;
    if (e.headers > 0) {
      auto headers = headers_size(outputs, e);
      if (!headers) return headers.error();
      size += *headers;
    }
    if (size > max_record_bytes) return check_record_size(size, of_topic(topic, e.partition));
  }
  return {};
}

Result<void> check_effects(const SliceEffects& effects, const SessionOptions& options,
                           const SessionShape& shape) {
  for (const auto& position : effects.positions) {
    if (!shape.reads(position.topic, effects.partition))
      return invalid("a position of a topic partition that service " + printable(options.service) +
                     " does not read");
    if (position.next.value < 0) return invalid("a negative position");
  }
  for (const auto& change : effects.state) {
    if (change.keyspace.value >= options.keyspaces.size())
      return invalid("a change in a keyspace that the session did not name");
    const std::size_t value = change.value ? change.value->size() : 0;
    if (change.key.size() <= max_state_key_bytes && value <= max_record_bytes) continue;
    return Error{ErrorCode::too_large,
                 "a state in keyspace " + printable(options.keyspaces[change.keyspace.value]) +
                     " with a key of " + std::to_string(change.key.size()) + " bytes and a value of " +
                     std::to_string(value) + ": at most " + std::to_string(max_state_key_bytes) + " and " +
                     std::to_string(max_record_bytes) + " are stored"};
  }
  return check_outputs(effects.outputs, options, shape);
}

Result<void> check_topic(const TopicSpec& topic) {
  if (topic.name.empty()) return invalid("a topic without a name");
  if (topic.partitions >= 1 && topic.partitions <= max_partitions) return {};
  return invalid("topic " + printable(topic.name) + " has " + std::to_string(topic.partitions) +
                 " partitions; allowed are 1 to " + std::to_string(max_partitions));
}

Error no_topic(const std::string& topic) {
  return {ErrorCode::not_found, "topic " + printable(topic) + " does not exist"};
}

Error no_partition(const std::string& topic, PartitionId partition) {
  return {ErrorCode::not_found,
          "topic " + printable(topic) + " has no partition " + std::to_string(partition.value)};
}

Error wrong_partition_count(const std::string& topic, std::uint32_t has, std::uint32_t asked) {
  return invalid("topic " + printable(topic) + " has " + std::to_string(has) + " partitions, not " +
                 std::to_string(asked) + "; the count of a topic cannot change");
}

Result<PartitionId> place(const NewRecord& record, const std::string& topic, std::uint32_t partitions) {
  PartitionId partition = {};
  if (record.partition) {
    partition = *record.partition;
  } else if (record.key) {
    partition = partition_of(*record.key, partitions, record.partitioner);
  }
  if (partition.value >= partitions)
    return invalid("a record for " + of_topic(topic, partition) + ", which has only " +
                   std::to_string(partitions) + " partitions");
  std::size_t size = record.value.size() + (record.key ? record.key->size() : 0);
  for (const auto& [name, value] : record.headers) size += name.size() + value.size() + 8;
  if (auto checked = check_record_size(size, of_topic(topic, partition)); !checked) return checked.error();
  return partition;
}

}  // namespace eventy
