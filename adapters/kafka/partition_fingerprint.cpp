#include "partition_fingerprint.hpp"

#include <algorithm>

namespace eventy::kafka::detail {
namespace {

constexpr std::size_t max_to_sum = 4096;  // bytes of key and of value: enough to tell records apart

std::string_view start_of(const void* data, std::size_t size) {
  return {static_cast<const char*>(data), std::min(size, max_to_sum)};
}

}  // namespace

RecordFingerprint fingerprint_of(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t type = {};
  std::string text = std::to_string(message.key_len) + ":" + std::to_string(message.len) + ":";
  text += start_of(message.key, message.key_len);
  text += start_of(message.payload, message.len);
  return {Offset{message.offset}, rd_kafka_message_timestamp(&message, &type), crc32(text)};
}

RecordFingerprint PartitionFingerprint::newest_before(Offset next) const {
  const auto found = std::find_if(handed_out_.rbegin(), handed_out_.rend(),
                                  [next](const RecordFingerprint& record) { return record.at < next; });
  return found == handed_out_.rend() ? committed_ : *found;
}

void PartitionFingerprint::commit(const Position& position) {
  committed_ = position.last;
  while (!handed_out_.empty() && handed_out_.front().at < position.next) handed_out_.pop_front();
}

void PartitionFingerprint::rewind() {
  handed_out_.clear();
  if (verifying()) expected_ = committed_;
}

void PartitionFingerprint::verify(Offset first) {
  const RecordFingerprint& newest = handed_out_.empty() ? committed_ : handed_out_.back();
  expected_ = newest.at >= first ? newest : RecordFingerprint{};
}

PartitionFingerprint::Verdict PartitionFingerprint::judge(Offset at,
                                                          const std::optional<RecordFingerprint>& record) {
  if (at < expected_.at || (at == expected_.at && !record)) return Verdict::open;
  const RecordFingerprint expected = std::exchange(expected_, {});
  if (at > expected.at) return Verdict::missing;
  return *record == expected ? Verdict::same : Verdict::another;
}

Result<void> check_range(const SessionIdentity& identity, const InputPartition& place, Offset next,
                         const Client::OffsetRange& offsets) {
  if (next >= offsets.first && next <= offsets.end) return {};
  return Error{
      ErrorCode::corrupt,
      "service " + printable(identity.options.service) + " has read " + identity.describe(place) +
          " up to offset " + std::to_string(next.value) + ", but it holds " +
          std::to_string(offsets.first.value) + " to " + std::to_string(offsets.end.value) +
          ": records expired before they were handled, or the topic was deleted and created again. " +
          identity.how_to_continue()};
}

Error recreated_topic(const SessionIdentity& identity, const InputPartition& place,
                      const RecordFingerprint& expected, PartitionFingerprint::Verdict verdict) {
  const bool missing = verdict == PartitionFingerprint::Verdict::missing;
  return {ErrorCode::corrupt,
          "service " + printable(identity.options.service) + " has read " + identity.describe(place) +
              ", but the record at offset " + std::to_string(expected.at.value) +
              (missing ? " is missing now" : " is another one now") +
              ": the topic was deleted and created again, and new records may lie before the position. " +
              identity.how_to_continue()};
}

}  // namespace eventy::kafka::detail
