#include "positions.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace eventy::kafka::detail {
namespace {
constexpr std::string_view version = "eventy/1";
}

std::string to_text(const PositionNote& note) {
  std::string text(version);
  text += " by=" + note.by;
  if (!note.cycle.empty()) text += " cycle=" + note.cycle;
  if (!note.log.empty()) text += " log=" + note.log + " reached=" + std::to_string(note.log_reached.value);
  return text;
}

PositionNote read_note(std::string_view text) {
  PositionNote note;
  if (!text.starts_with(version)) return note;
  while (!text.empty()) {
    const auto blank = text.find(' ');
    const std::string_view word = text.substr(0, blank);
    text.remove_prefix(blank == text.npos ? text.size() : blank + 1);
    const auto equals = word.find('=');
    if (equals == word.npos) continue;
    const auto name = word.substr(0, equals), value = word.substr(equals + 1);
    if (name == "by") note.by = value;
    if (name == "cycle") note.cycle = value;
    if (name == "log") note.log = value;
    if (name == "reached") std::from_chars(value.data(), value.data() + value.size(), note.log_reached.value);
  }
  return note;
}

void add_position(rd_kafka_topic_partition_list_t& list, const TopicPartition& place, Offset next,
                  const PositionNote& note) {
  const std::string text = to_text(note);
  auto* at = rd_kafka_topic_partition_list_add(&list, place.topic.c_str(), place.partition);
  at->offset = next.value;
  at->metadata = std::malloc(text.size());  // librdkafka frees it
  std::copy(text.begin(), text.end(), static_cast<char*>(at->metadata));
  at->metadata_size = text.size();
}

}  // namespace eventy::kafka::detail
