// What a session does with partitions that were assigned to it before it may read them: it ends the
// transactions of dead nodes, finds the positions, brings the local copies up to date, and commits its
// ownership of the positions, so that its own successor knows whose transactions to end. Partitions go to
// work as soon as they are ready: a takeover is divided into parts, whose ownership is committed one by one.
// Owned by the session. Its thread and the preparing thread use a takeover in turn, never at the same time.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "commit_outcome.hpp"
#include "partition_fingerprint.hpp"
#include "restore.hpp"
#include "session_identity.hpp"
#include "transactional_producer.hpp"

namespace eventy::kafka::detail {

struct Takeover {
  std::uint64_t number = 0;   // within the session
  std::stop_token stop = {};  // of the session
  std::vector<PartitionId> partitions = {};
  // The committed ones; for a topic partition that was never read, where it begins.
  std::map<InputPartition, Position> positions = {};
  std::vector<InputPartition> unread = {};   // without a committed position
  std::vector<InputPartition> foreign = {};  // with a position that no node of the service has written
  bool committed_by_us = true;               // all positions are
  std::vector<Restore> restores = {};        // one for each partition
  std::size_t failed_commits = 0;            // of the ownership

  Result<void> find_positions(const SessionIdentity& identity);
  // The part that is restored: its partitions with their positions.
  std::shared_ptr<Takeover> part(std::vector<Restore> restored) const;
  void add(Takeover&& part);
  Result<void> check_begun(const SessionIdentity& identity) const;
  // commit_ownership() has nothing to do.
  bool is_ownership_committed(const SessionIdentity& identity) const;
  // Commits the positions with notes of this session, and the names of logs, which make a missing position an
  // error from now on. Aborted: retry with the group as it is then.
  CommitOutcome commit_ownership(const SessionIdentity& identity,
                                 const rd_kafka_consumer_group_metadata_t* group);
  // Waits before the next retry. Logs once what lasts, and what only a person can mend.
  void back_off(const SessionIdentity& identity, const Error& reason);

 private:
  Result<void> end_transactions_of_the_dead(const SessionIdentity& identity,
                                            const std::vector<InputPartition>& places) const;
  // Where the service begins in a topic partition without a committed position.
  static Result<Offset> first_position(const SessionIdentity& identity, const InputPartition& place,
                                       Offset first);
  Error foreign_position(const SessionIdentity& identity, const InputPartition& place) const;
  std::optional<LogName> new_name(const SessionIdentity& identity, const Restore& log) const;
  StepResult send(const SessionIdentity& identity, TransactionalProducer& producer,
                  const rd_kafka_consumer_group_metadata_t* group, std::vector<LogNameRecord>& names) const;
};

}  // namespace eventy::kafka::detail
