// By what a topic partition is known again: marks of some records that were read from it. A topic that was
// deleted and made anew has the same name and the same offsets; librdkafka 2.0.2 tells neither its id nor
// epochs. So what was read last is read once more where the topic may be another one: at a takeover, and
// after an error that a deleted topic causes. Belongs to the session's thread.
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

  // Of a record that was handed out; in the order of their offsets.
  void add(const RecordFingerprint& mark) { handed_out_.push_back(mark); }
  // The newest mark of a record before this offset; none is known: RecordFingerprint{}.
  RecordFingerprint before(Offset next) const;
  void commit(const Position& position);
  void rewind();  // to the committed position

  // From now on the record of the newest mark is waited for, if it has not expired: `first` is the topic's.
  void verify(Offset first);
  bool verifying() const { return awaited_.known(); }
  // Where reading has to begin that would go on at `next`.
  Offset start(Offset next) const { return verifying() ? std::min(awaited_.at, next) : next; }
  // While verifying(): what comes at an offset, behind all that lies before it. `record`: if one lies at that
  // of awaited(), its mark; of others, and of ends, none is needed.
  enum class Verdict : std::uint8_t { open, same, another, missing };
  Verdict judge(Offset at, const std::optional<RecordFingerprint>& record);
  const RecordFingerprint& awaited() const { return awaited_; }

 private:
  RecordFingerprint committed_ = {};
  std::deque<RecordFingerprint> handed_out_ = {};  // not committed yet
  RecordFingerprint awaited_ = {};
};

// corrupt: the position is not in what the topic holds.
Result<void> check_range(const SessionIdentity& identity, const Place& place, Offset next,
                         const Client::OffsetRange& ends);
// The record of the mark is not there, or is another one.
Error made_anew(const SessionIdentity& identity, const Place& place, const RecordFingerprint& mark,
                PartitionFingerprint::Verdict verdict);

}  // namespace eventy::kafka::detail
