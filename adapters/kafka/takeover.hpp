// What a session does, on a worker's thread, before partitions that were assigned to it may be read: ends
// what a dead node left open, finds the positions, brings the local copies up to date, and signs the
// positions, so that its own successor knows whom to look for. Partitions go to work as soon as they are
// ready: a takeover gives off parts, which are signed by themselves.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "partition_fingerprint.hpp"
#include "restore.hpp"
#include "session_identity.hpp"
#include "transactional_producer.hpp"

namespace eventy::kafka::detail {

struct Takeover {
  std::uint64_t number = 0;   // of the session's
  std::stop_token stop = {};  // of the session
  std::vector<PartitionId> partitions = {};
  std::map<Place, Position> positions =
      {};                              // the committed ones, or where a place that was never read begins
  std::vector<Place> unread = {};      // those without a committed position
  std::vector<Place> foreign = {};     // those with one that no node of the service has written
  bool committed_by_us = true;         // all of them
  std::vector<Restore> restores = {};  // one a partition
  std::size_t tries = 0;               // of sign(), without success

  Result<void> find_positions(const SessionIdentity& identity);
  // Of those that are restored: with their positions.
  std::shared_ptr<Takeover> part(std::vector<Restore> restored) const;
  void add(Takeover&& part);
  Result<void> check_begun(const SessionIdentity& identity) const;
  // Nothing is left for sign() to do.
  bool is_ownership_committed(const SessionIdentity& identity) const;
  // Commits the positions under this session's name, and with them the names of logs, which say that from now
  // on a missing position is an error; aborted: try again with the group as it is then.
  Landing commit_ownership(const SessionIdentity& identity, const rd_kafka_consumer_group_metadata_t* group);
  // Before it is tried again. What lasts, and what only a person can mend, is told of once.
  void rest(const SessionIdentity& identity, const Error& reason);

 private:
  Result<void> end_transactions_of_the_dead(const SessionIdentity& identity,
                                            const std::vector<Place>& places) const;
  Error not_ours(const SessionIdentity& identity, const Place& place) const;
  std::optional<LogName> new_name(const SessionIdentity& identity, const Restore& log) const;
  Landing send(const SessionIdentity& identity, TransactionalProducer& transaction,
               const rd_kafka_consumer_group_metadata_t* group, std::vector<LogNameRecord>& names) const;
};

}  // namespace eventy::kafka::detail
