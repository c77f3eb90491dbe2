#include "positions.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace eventy::kafka::detail {
namespace {

constexpr std::string_view version = "eventy/1";

template <class Number>
std::string_view read_number(std::string_view text, Number& number) {
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number).ptr;
  return text.substr(static_cast<std::size_t>(end - text.data()));
}

// OFFSET:TIMESTAMP:CHECKSUM
RecordFingerprint read_fingerprint(std::string_view text) {
  RecordFingerprint read;
  for (auto* number : {&read.at.value, &read.timestamp}) {
    text = read_number(text, *number);
    if (!text.starts_with(':')) return {};
    text.remove_prefix(1);
  }
  return !text.empty() && read_number(text, read.checksum).empty() ? read : RecordFingerprint{};
}

std::string to_text(const RecordFingerprint& record) {
  return std::to_string(record.at.value) + ":" + std::to_string(record.timestamp) + ":" +
         std::to_string(record.checksum);
}

}  // namespace

std::string to_text(const PositionNote& note) {
  std::string text(version);
  text += " by=" + note.by;
  if (!note.cycle.empty()) text += " cycle=" + note.cycle;
  if (!note.log.empty()) text += " log=" + note.log + " reached=" + std::to_string(note.log_reached.value);
  if (note.next) text += " next=" + std::to_string(note.next->value);
  if (note.last.known()) text += " last=" + to_text(note.last);
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
    if (name == "reached") read_number(value, note.log_reached.value);
    if (name == "next") read_number(value, note.next.emplace().value);
    if (name == "last") note.last = read_fingerprint(value);
  }
  return note;
}

void add_position(rd_kafka_topic_partition_list_t& list, const TopicPartition& place,
                  const Position& position, PositionNote note) {
  note.next = position.next, note.last = position.last;
  const std::string text = to_text(note);
  auto* at = rd_kafka_topic_partition_list_add(&list, place.topic.c_str(), place.partition);
  at->offset = position.next.value;
  at->metadata = std::malloc(text.size());  // librdkafka frees it
  std::copy(text.begin(), text.end(), static_cast<char*>(at->metadata));
  at->metadata_size = text.size();
}

}  // namespace eventy::kafka::detail
