#include "partition_fingerprint.hpp"

#include <algorithm>

namespace eventy::kafka::detail {
namespace {

constexpr std::size_t max_to_sum = 4096;  // bytes of a value: enough to tell records apart

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

RecordFingerprint PartitionFingerprint::before(Offset next) const {
  const auto behind = std::find_if(handed_out_.rbegin(), handed_out_.rend(),
                                   [next](const RecordFingerprint& mark) { return mark.at < next; });
  return behind == handed_out_.rend() ? committed_ : *behind;
}

void PartitionFingerprint::commit(const Position& position) {
  committed_ = position.last;
  while (!handed_out_.empty() && handed_out_.front().at < position.next) handed_out_.pop_front();
}

void PartitionFingerprint::rewind() {
  handed_out_.clear();
  if (verifying()) awaited_ = committed_;
}

void PartitionFingerprint::verify(Offset first) {
  const RecordFingerprint& newest = handed_out_.empty() ? committed_ : handed_out_.back();
  awaited_ = newest.at >= first ? newest : RecordFingerprint{};
}

PartitionFingerprint::Verdict PartitionFingerprint::judge(Offset at,
                                                          const std::optional<RecordFingerprint>& record) {
  if (at < awaited_.at || (at == awaited_.at && !record)) return Verdict::open;
  const RecordFingerprint awaited = std::exchange(awaited_, {});
  if (at > awaited.at) return Verdict::missing;
  return *record == awaited ? Verdict::same : Verdict::another;
}

Result<void> check_range(const SessionIdentity& identity, const Place& place, Offset next,
                         const Client::OffsetRange& ends) {
  if (next >= ends.first && next <= ends.end) return {};
  return Error{ErrorCode::corrupt,
               "service " + printable(identity.options.service) + " has read " + identity.names(place) +
                   " up to offset " + std::to_string(next.value) + ", but it holds " +
                   std::to_string(ends.first.value) + " to " + std::to_string(ends.end.value) +
                   ": records expired before they were handled, or the topic was deleted and made anew. " +
                   identity.how_to_continue()};
}

Error made_anew(const SessionIdentity& identity, const Place& place, const RecordFingerprint& mark,
                PartitionFingerprint::Verdict verdict) {
  return {ErrorCode::corrupt,
          "service " + printable(identity.options.service) + " has read " + identity.names(place) +
              ", but the record at offset " + std::to_string(mark.at.value) +
              (verdict == PartitionFingerprint::Verdict::missing ? " is not there any more"
                                                                 : " is another one now") +
              ": the topic was deleted and made anew, and what is new in it may lie before the position. " +
              identity.how_to_continue()};
}

}  // namespace eventy::kafka::detail
