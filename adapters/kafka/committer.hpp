// Brings the cycles of a session into Kafka, on a thread of its own: what is sent ahead as it comes, then
// what is left of outputs, states and positions, then the commit, then the local copies. One transaction is
// open at a time; what is added while a commit is under way waits for it. Called by the session's thread.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>

#include "eventy/store/worker.hpp"
#include "open_cycle.hpp"

namespace eventy::kafka::detail {

// The records of a buffer with their places in Kafka; views into it.
std::vector<Client::Outgoing> records_of(const SessionIdentity& identity, const OutputBuffer& outputs);

class Committer {
 public:
  // `wake` is called, from the committing thread, when a flight has landed or something failed.
  Committer(const SessionIdentity& identity, std::function<void()> wake)
      : identity_(identity), wake_(std::move(wake)) {}
  ~Committer() { close(); }

  Result<void> find_limits();  // of the topics, before anything else
  // Makes the producer: whatever an earlier one of this session's name left open is undone.
  Result<void> open();
  const Client::Limits& changelog_limits() const { return changelog_limits_; }
  // To the open cycle. What goes wrong is the outcome of its commit.
  void add(EarlyPart early);
  void commit(PendingCommit& pending);  // which lives until it has landed
  void abort();                         // undoes what was added since the last commit
  void wait();                          // until nothing is under way
  void close();                         // ends the open transaction, if the cluster lets it be ended soon
  // After a landing of unknown outcome, and wait(): a new producer, which ends what the old one left open.
  Result<void> renew();
  // The producer's end, where no cycle can tell of it.
  std::optional<Error> failure();

 private:
  using Logs = std::map<PartitionId, LogPlace>;
  // Of a position in the open transaction, with what its note says of the log.
  struct Sent {
    Offset next = {}, log_reached = {};
    friend bool operator==(const Sent&, const Sent&) = default;
  };

  Landing add_now(const EarlyPart& early);
  template <class Send>
  Landing begin_if_needed(const Send& send);
  Result<void> add_outputs(const std::shared_ptr<const OutputBuffer>& outputs);
  Result<void> share(const std::shared_ptr<const OutputBuffer>& outputs);
  Result<void> copy(const OutputBuffer& outputs);
  Result<void> add_states(PartitionId partition, const States& states);
  Result<void> add_rest(const OpenCycle& cycle);
  // Those that are not in the transaction yet.
  Landing send_positions(const std::map<Place, Position>& positions, const std::string& cycle,
                         const Logs& logs, const rd_kafka_consumer_group_metadata_t* group);
  void commit_now(PendingCommit& pending);
  Landing write(const PendingCommit& pending);
  void abort_now();
  Result<void> apply_states(PendingCommit& pending) const;

  const SessionIdentity& identity_;
  std::function<void()> wake_;
  Client::Limits changelog_limits_ = {};
  std::unique_ptr<TransactionalProducer> transaction_ = {};     // the worker's, as is what follows
  std::optional<Landing> broken_ = {};                          // the open cycle cannot be committed any more
  std::map<Place, TransactionalProducer::Messages> runs_ = {};  // of share(), which reuses them
  std::map<Place, Sent> sent_ = {};                             // in the open transaction
  // Behind its last state in the changelog. Kept, for reports of deliveries write to it.
  std::map<PartitionId, Offset> reached_ = {};
  std::atomic<int> waiting_ = 0;  // jobs behind the one in hand
  std::mutex failure_mutex_ = {};
  std::optional<Error> failure_ = {};
  std::optional<Worker> worker_ = {};  // the last member: its jobs use the others
};

}  // namespace eventy::kafka::detail
