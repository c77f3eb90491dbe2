// What Inputs knows of its topics: where they end, and whether they are still the topics that were opened.
#include <algorithm>

#include "inputs.hpp"

namespace eventy::kafka::detail {

// Errors of a fetch from a topic that was deleted, and perhaps created again.
bool Inputs::may_be_another_topic(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      return true;
    default:
      return false;
  }
}

// librdkafka reports here, and not in a message, that a topic which it reads is gone: "TOPIC [PARTITION]:
// ...".
void Inputs::take_consumer_error(rd_kafka_resp_err_t code, const char* reason) {
  if (!may_be_another_topic(code)) return;
  const std::string_view text = reason;
  suspect(text.substr(0, text.find(" [")), {});
}

// `topic`: its name in Kafka. Without a partition: all of them.
void Inputs::suspect(std::string_view topic, std::optional<PartitionId> partition) {
  const auto input = inputs_by_name_.find(topic);
  if (input == inputs_by_name_.end()) return;
  for (auto& [p, owned] : owned_) {
    const auto at = owned.cursors.find(input->second);
    if (at != owned.cursors.end() && partition.value_or(p) == p) at->second.suspect = true;
  }
  last_topic_ = nullptr;
  ever_suspected_ = true;
}

bool Inputs::has_suspects() const {
  return ever_suspected_ && std::any_of(owned_.begin(), owned_.end(), [](const auto& o) {
           const auto& cursors = o.second.cursors;
           return std::any_of(cursors.begin(), cursors.end(), [](const auto& c) { return c.second.suspect; });
         });
}

std::vector<InputCheck> Inputs::to_check() const {
  std::vector<InputCheck> checks;
  for (const auto& [p, owned] : owned_)
    for (const auto& [input, cursor] : owned.cursors)
      if (!owned.leaving)
        checks.push_back({.place = {p, input}, .fetched = cursor.fetched, .suspect = cursor.suspect});
  return checks;
}

Result<void> Inputs::take_check(const InputCheck& check) {
  OwnedPartition* owned = find(check.place.first);
  if (!owned || owned->leaving || !owned->cursors.contains(check.place.second)) return {};
  if (auto checked = check_range(identity_, check.place, check.fetched, check.offsets); !checked)
    return checked;
  InputCursor& cursor = owned->cursors.at(check.place.second);
  if (!check.suspect || !std::exchange(cursor.suspect, false)) return {};
  cursor.fingerprint.verify(check.offsets.first);
  const auto list = list_of({check.place.first});
  // librdkafka 2.0.2 takes a finite timeout for a thousandth of it.
  const KafkaError error(rd_kafka_seek_partitions(member_.consumer(), list.get(), -1));
  if (error)
    return identity_.client->failed(*error, "cannot read " + identity_.describe(check.place) + " again");
  return {};
}

// corrupt: the topic is another one.
Result<void> Inputs::verify(const Target& target, const rd_kafka_message_t& message) {
  PartitionFingerprint& fingerprint = target.cursor->fingerprint;
  const RecordFingerprint expected = fingerprint.expected();
  const bool is_it = message.err == RD_KAFKA_RESP_ERR_NO_ERROR && message.offset == expected.at.value;
  const auto verdict = fingerprint.judge(Offset{message.offset},
                                         is_it ? std::optional(fingerprint_of(message)) : std::nullopt);
  const bool may_be_missing = identity_.limits[target.place.second.value].is_compacted.value_or(true);
  if (verdict == PartitionFingerprint::Verdict::another ||
      (verdict == PartitionFingerprint::Verdict::missing && !may_be_missing))
    return recreated_topic(identity_, target.place, expected, verdict);
  return {};
}

// --- the end ---

// Transaction markers are no messages, but they move the consumer's position.
void Inputs::skip_transaction_markers() {
  std::vector<PartitionId> all;
  for (const auto& [p, owned] : owned_)
    if (owned.backlog.empty()) all.push_back(p);
  const auto list = list_of(all);
  if (rd_kafka_position(member_.consumer(), list.get())) return;
  for (int i = 0; i < list->cnt; ++i) {
    const auto& at = list->elems[i];
    const auto input = inputs_by_name_.find(at.topic);
    OwnedPartition* owned = find(PartitionId{static_cast<std::uint32_t>(at.partition)});
    if (at.err || input == inputs_by_name_.end() || !owned) continue;
    InputCursor& cursor = owned->cursors.at(input->second);
    if (at.offset >= cursor.read.value) cursor.end = std::max(cursor.end, Offset{at.offset});
  }
}

Result<bool> Inputs::at_end() {
  std::vector<PartitionId> all;
  for (const auto& [p, owned] : owned_) {
    if (owned.leaving) continue;
    if (owned.stage != OwnedPartition::Stage::restored) return false;
    for (const auto& [input, cursor] : owned.cursors)
      if (cursor.committed < cursor.read || !cursor.is_settled()) return false;
    all.push_back(p);
  }
  const auto places = identity_.places_of(all);
  // Records of open transactions count: what another service has just committed may not be readable yet.
  auto ends = identity_.client->list_offsets(identity_.in_kafka(places), Client::OffsetSpec::latest,
                                             Isolation::read_uncommitted);
  if (!ends) return ends.error();
  skip_transaction_markers();
  for (std::size_t i = 0; i < places.size(); ++i) {
    const InputCursor& cursor = owned_.at(places[i].first).cursors.at(places[i].second);
    if (std::max(cursor.end, cursor.read) < (*ends)[i]) return false;
  }
  return true;
}

}  // namespace eventy::kafka::detail
