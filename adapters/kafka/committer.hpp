// The committing thread of a session. It writes cycles to Kafka: early parts as they come, then the rest of
// outputs, states and positions, then the commit; after that it updates the local copies. One transaction is
// open at a time, and jobs run in their order: what is added while a commit runs waits for it. Owned by the
// CycleWriter; the session's thread calls it.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>

#include "eventy/store/job_thread.hpp"
#include "open_cycle.hpp"
#include "transactional_producer.hpp"

namespace eventy::kafka::detail {

// The records of a buffer with their topic partitions in Kafka; views into it.
std::vector<Client::Outgoing> records_of(const SessionIdentity& identity, const OutputBuffer& outputs);

class Committer {
 public:
  // `wake` is called on the committing thread when a commit is done or the producer has failed.
  Committer(const SessionIdentity& identity, std::function<void()> wake)
      : identity_(identity), wake_(std::move(wake)) {}
  ~Committer() { close(); }

  Result<void> find_limits();  // of the topics; call it first
  // Makes the producer: what an earlier one with this session's transactional id left open is aborted.
  Result<void> open_producer();
  const Client::Limits& changelog_limits() const { return changelog_limits_; }
  // Adds to the open transaction. An error becomes the outcome of the cycle's commit.
  void add(EarlyPart part);
  void commit(PendingCommit& pending);  // `pending` lives until it is done
  void abort();                         // aborts what was added since the last commit
  void wait();                          // until all jobs are done
  void close();                         // tries to abort the open transaction
  // After an unknown outcome, and wait(): a new producer, which aborts what the old one left open.
  Result<void> renew();
  // An error of the producer that no cycle can report.
  std::optional<Error> failure();

 private:
  using Logs = std::map<PartitionId, LogPosition>;
  // A position in the open transaction, with the reach of the changelog that its note names.
  struct Sent {
    Offset next = {}, log_reached = {};
    friend bool operator==(const Sent&, const Sent&) = default;
  };

  // On the committing thread.
  StepResult add_early_part(const EarlyPart& part);
  template <class Send>
  StepResult begin_if_needed(const Send& send);
  Result<void> add_outputs(const std::shared_ptr<const OutputBuffer>& outputs);
  Result<void> add_in_place(const std::shared_ptr<const OutputBuffer>& outputs);
  Result<void> add_copies(const OutputBuffer& outputs);
  Result<void> add_states(PartitionId partition, const States& states);
  Result<void> add_rest(const OpenCycle& cycle);
  StepResult send_positions(const std::map<InputPartition, Position>& positions, const std::string& cycle,
                            const Logs& logs, const rd_kafka_consumer_group_metadata_t* group);
  CommitOutcome commit_now(PendingCommit& pending);
  CommitOutcome write_and_commit(const PendingCommit& pending);
  void abort_now();
  Result<void> apply_states(PendingCommit& pending) const;

  const SessionIdentity& identity_;
  std::function<void()> wake_;
  Client::Limits changelog_limits_ = {};
  // The committing thread's, up to `reached_`.
  std::unique_ptr<TransactionalProducer> producer_ = {};
  std::optional<CommitOutcome> broken_ = {};  // why the open cycle cannot be committed
  std::map<InputPartition, TransactionalProducer::Messages> messages_ =
      {};                                     // of add_in_place(), which reuses them
  std::map<InputPartition, Sent> sent_ = {};  // in the open transaction
  // The offset after the last state in each changelog partition. Never erased: delivery reports write to it.
  std::map<PartitionId, Offset> reached_ = {};
  std::atomic<int> waiting_ = 0;  // jobs after the current one
  std::mutex failure_mutex_ = {};
  std::optional<Error> failure_ = {};
  std::optional<JobThread> worker_ = {};  // the last member: its jobs use the others
};

}  // namespace eventy::kafka::detail
