// A store with members that fails as distributed stores do, at random and on command: batches of any size,
// late answers, commits that take time, abort or lose their answer, sessions that end, partitions that move,
// processes that die during a call. It is in memory and in virtual time; delayed work is done by run_due().
// One thread, sessions and readers included. Nothing survives the object.
//
// It does not wrap MemoryStore: each member's commit has its own outcome and time, even after the member's
// process died.
#pragma once

#include <memory>

#include "eventy/store/record_store.hpp"
#include "eventy/testing/random.hpp"
#include "eventy/testing/trace.hpp"

namespace eventy::testing {

// Probabilities from 0 to 1, each per call; times are upper limits. With all 0 the store never fails and
// takes no time.
struct StoreFaults {
  double short_batches = 0;   // a poll returns only a few records, of some of its partitions
  double late_answers = 0;    // a poll returns nothing yet
  double gaps = 0;            // an offset is skipped, as by a transaction marker
  double aborts = 0;          // a commit aborts
  double unknown = 0;         // a commit's answer is lost; half of these commits happened
  double failed_polls = 0;    // the session ends, as in the next three
  double failed_commits = 0;  // half of these commits happen nevertheless
  double failed_appends = 0;
  double failed_writes = 0;      // of write_now(); half of these outputs were written
  double failed_reads = 0;       // of a state
  double throws = 0;             // a call throws something that is not an exception; the session ends
  Duration max_commit_time{0};   // duration of a commit
  Duration max_restore_time{0};  // from Assigned to Restored
  Duration max_answer_delay{0};  // delay of a late answer
};

namespace detail {
struct SimulatedImpl;
}

class SimulatedStore final : public RecordStore {
 public:
  SimulatedStore(const Clock& clock, Random& chance, Trace& trace);
  ~SimulatedStore() override;

  StoreFeatures features() const override;
  Result<void> ensure_topics(const std::vector<TopicSpec>& topics) override;
  Result<std::vector<TopicSpec>> topics() const override;
  // Another session of a service from another node takes over its share of the partitions; a new session of
  // the same node fences and replaces the old one.
  Result<std::unique_ptr<StoreSession>> open_session(const SessionOptions& options) override;
  Result<std::vector<Offset>> append(const std::string& topic,
                                     const std::vector<NewRecord>& records) override;
  Result<std::unique_ptr<RecordReader>> read(const std::string& topic, PartitionId partition,
                                             Offset from) override;
  Result<Offset> end_of(const std::string& topic, PartitionId partition) const override;
  Result<Offset> position(const std::string& service, const std::string& topic,
                          PartitionId partition) const override;
  Result<void> scan(const std::string& service, const std::string& keyspace,
                    const StateVisitor& visit) const override;

  void set_faults(const StoreFaults& faults);
  // `call` runs when a node calls its session, before and during the call. If it throws, the process dies
  // there.
  void on_call(std::function<void(const std::string& node)> call);
  // `changed` runs for each change of a state at its commit; without a value the key was deleted.
  using Changed = std::function<void(const std::string& service, const std::string& keyspace,
                                     const std::string& key, const std::optional<std::string>& value)>;
  void on_change(Changed changed);

  // --- commands ---
  // Moves a partition to that node, or to the one with the fewest partitions: revokes it, and assigns it when
  // its owner releases it.
  void move(const std::string& service, PartitionId partition, const std::string& node);
  // The node's session times out: its partitions are lost and go to others. The node may notice late.
  void expire(const std::string& service, const std::string& node);
  // The node's process died: a commit that was sent may still happen; nobody closes its session. It keeps its
  // partitions until expire(), or until it opens a session again.
  void crash(const std::string& service, const std::string& node);

  // --- virtual time ---
  std::optional<MonotonicTime> next_due() const;
  void run_due();
  // No cycle is open or in flight, and every partition of the service has an owner that knows of it.
  bool at_rest(const std::string& service) const;
  // Of the node's session; false and 0 if it has none or it has ended.
  bool has_cycle(const std::string& service, const std::string& node) const;          // open or in flight
  std::size_t partitions(const std::string& service, const std::string& node) const;  // that it owns

 private:
  std::shared_ptr<detail::SimulatedImpl> impl_;
};

}  // namespace eventy::testing
