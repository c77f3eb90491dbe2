#include "partition_restore.hpp"

#include <algorithm>

#include "eventy/store/rules.hpp"

namespace eventy::kafka::detail {
namespace {

std::string_view bytes_of(const void* data, std::size_t size) {
  return {static_cast<const char*>(data), size};
}

std::optional<LogName> name_in(const rd_kafka_message_t& record) {
  if (bytes_of(record.key, record.key_len) != log_name_key) return {};
  return LogName::read(bytes_of(record.payload, record.len));
}

}  // namespace

std::vector<LocalState::Change> ChangeBatch::views() const {
  std::vector<LocalState::Change> all;
  all.reserve(changes_.size());
  std::string_view rest = bytes_;
  const auto next = [&rest](std::size_t size) {
    const auto text = rest.substr(0, size);
    rest.remove_prefix(size);
    return text;
  };
  for (const auto& [key_size, value_size] : changes_) {
    const auto key = next(key_size);
    all.emplace_back(key, value_size ? std::optional(next(*value_size)) : std::nullopt);
  }
  return all;
}

std::string PartitionRestore::describe() const {
  return "topic " + printable(context_.topic) + " partition " + std::to_string(restore.partition.value);
}

Error PartitionRestore::lost(const std::string& what) const {
  return {ErrorCode::corrupt, describe() + " " + what +
                                  ": states that were committed are lost. Bring the topic back, or " +
                                  how_to_start_over};
}

// --- the copy ---

Result<void> PartitionRestore::open() {
  if (!restore.copy) {
    const Client& client = context_.client;
    auto copy = client.options().local_state(client.name_in_kafka(context_.service), restore.partition);
    if (!copy) return copy.error();
    restore.copy = *std::move(copy);
  }
  return check_copy();
}

// Finds where reading starts, and whether the copy may be continued.
Result<void> PartitionRestore::check_copy() {
  if (!restore.expected_log.empty() && offsets.end < restore.expected_reach)
    return lost("ends at offset " + std::to_string(offsets.end.value) + ", but it was written up to " +
                std::to_string(restore.expected_reach.value));
  auto place = restore.copy->place();
  if (!place) return place.error();
  named_ = LogNamePlace::read(place->log);
  const bool fits = !place->log.empty() && place->next >= offsets.first && place->next <= offsets.end &&
                    named_.at >= offsets.first && named_.at < offsets.end;
  const bool fresh = place->next == offsets.end || SystemClock{}.date() - place->synced < context_.max_age;
  if (!fits || !(fresh || restore.is_kept)) return discard_copy();
  stage_ = Stage::verifying;
  restore.place = *place;
  start = next = named_.at;
  return {};
}

void PartitionRestore::continue_copy() {
  stage_ = Stage::reading;
  start = next = restore.place.next;
}

// The copy cannot be continued. If the log is another one than the copy's, and no position names the log, the
// copy may be the last trace of the states; then it is not emptied.
Result<void> PartitionRestore::discard_copy() {
  const auto& expected = restore.expected_log;
  if (restore.is_kept) return lost("is not the log that its local copy was made from");
  if (offsets.first.value > 0)
    return lost("begins at offset " + std::to_string(offsets.first.value) +
                ", and its local copy cannot be used");
  if (named_.incarnation.empty()) return empty_copy();
  if (!expected.empty() && expected != named_.incarnation) {
    context_.client.log_warning(describe() + " is incarnation " + printable(expected) +
                                " according to its positions, and the local copy belongs to incarnation " +
                                printable(named_.incarnation) + ": the copy is made again");
    return empty_copy();
  }
  if (offsets.first == offsets.end) return another_log();
  stage_ = Stage::naming;
  start = next = offsets.first;
  return {};
}

Error PartitionRestore::another_log() const {
  return lost((other_name_.empty() ? "has no name" : "is incarnation " + printable(other_name_)) +
              ", and the local copy, which is the last trace of its states, belongs to incarnation " +
              printable(named_.incarnation) +
              ": the topic was deleted and created again, or the cluster has lost its topics");
}

Result<void> PartitionRestore::empty_copy() {
  stage_ = Stage::reading;
  auto place = restore.copy->place();
  if (!place) return place.error();
  if (*place != LogPosition{})
    if (auto cleared = restore.copy->clear(); !cleared) return cleared;
  restore.place = {};
  restore.name = {};
  start = next = offsets.first;
  return {};
}

// --- the log ---

// Finds out whether the log is the one that the copy was made from.
Result<PartitionRestore::Then> PartitionRestore::identify(const rd_kafka_message_t& record) {
  auto name = name_in(record);
  Result<void> decided;
  if (stage_ == Stage::naming) {
    next = Offset{record.offset + 1};
    if (name && name->incarnation != named_.incarnation) other_name_ = name->incarnation;
    if (!name || name->incarnation != named_.incarnation) return Then::read_on;
    decided = empty_copy();
  } else if (name && record.offset == named_.at.value && name->incarnation == named_.incarnation) {
    restore.name = *std::move(name);
    continue_copy();
  } else {
    decided = discard_copy();
  }
  if (!decided) return decided.error();
  return Then::seek;
}

Result<PartitionRestore::Then> PartitionRestore::take(const rd_kafka_message_t& record) {
  if (stage_ != Stage::reading) return identify(record);
  const Offset at{record.offset};
  if (at < next) return Then::read_on;
  next = Offset{record.offset + 1};
  ++restore.records;
  if (auto name = name_in(record)) {
    restore.name = *std::move(name);
    restore.place.log = LogNamePlace{restore.name.incarnation, at}.text();
    return Then::read_on;
  }
  changes.add(bytes_of(record.key, record.key_len),
              record.payload ? std::optional(bytes_of(record.payload, record.len)) : std::nullopt);
  return Then::read_on;
}

Result<PartitionRestore::Then> PartitionRestore::skip_to(Offset at) {
  if (stage_ == Stage::naming && std::max(at, next) >= offsets.end) return another_log();
  if (at <= next) return Then::read_on;
  if (stage_ == Stage::verifying) {  // nothing is at the offset of the name
    if (auto discarded = discard_copy(); !discarded) return discarded.error();
    return Then::seek;
  }
  next = at;
  return Then::read_on;
}

Result<void> PartitionRestore::check_end() const {
  const auto& expected = restore.expected_log;
  if (expected.empty() || restore.name.incarnation == expected) return {};
  const auto& now = restore.name.incarnation;
  return lost((now.empty() ? "has no name" : "is incarnation " + printable(now)) +
              ", but the committed positions belong to incarnation " + printable(expected) +
              ": the topic was created again since");
}

}  // namespace eventy::kafka::detail
