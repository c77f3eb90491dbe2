// How a session recognises a topic partition: fingerprints of some records that it has read. A topic that is
// deleted and created again has the same name and the same offsets, and librdkafka 2.0.2 returns neither
// topic ids nor leader epochs. So the last known record is read again where the topic may be another one: at
// a takeover, and after an error that a deleted topic causes. Owned by an input's cursor; belongs to the
// session's thread.
#pragma once

#include <deque>

#include "positions.hpp"
#include "session_identity.hpp"

namespace eventy::kafka::detail {

RecordFingerprint fingerprint_of(const rd_kafka_message_t& message);

class PartitionFingerprint {
 public:
  PartitionFingerprint() = default;
  explicit PartitionFingerprint(RecordFingerprint committed) : committed_(committed) {}

  // A record that was handed out; call it in the order of offsets.
  void add(const RecordFingerprint& record) { handed_out_.push_back(record); }
  // The newest known record before this offset; RecordFingerprint{} if none is known.
  RecordFingerprint newest_before(Offset next) const;
  void commit(const Position& position);
  void rewind();  // to the committed position

  // Starts to wait for the newest known record, unless it has expired: `first` is the topic's first offset.
  void verify(Offset first);
  bool verifying() const { return expected_.known(); }
  // Where a reader must start that wants to read on at `next`.
  Offset start(Offset next) const { return verifying() ? std::min(expected_.at, next) : next; }
  // While verifying(): what the reader has met at offset `at`, after all records before it. `record` is the
  // fingerprint of the record at the offset of expected(); for other records, and at the end of the
  // partition, it may be empty.
  enum class Verdict : std::uint8_t { open, same, another, missing };
  Verdict judge(Offset at, const std::optional<RecordFingerprint>& record);
  const RecordFingerprint& expected() const { return expected_; }

 private:
  RecordFingerprint committed_ = {};
  std::deque<RecordFingerprint> handed_out_ = {};  // not committed yet
  RecordFingerprint expected_ = {};
};

// corrupt: the topic does not hold the position.
Result<void> check_range(const SessionIdentity& identity, const InputPartition& place, Offset next,
                         const Client::OffsetRange& offsets);
// The expected record is missing, or another one is at its offset.
Error recreated_topic(const SessionIdentity& identity, const InputPartition& place,
                      const RecordFingerprint& expected, PartitionFingerprint::Verdict verdict);

}  // namespace eventy::kafka::detail
