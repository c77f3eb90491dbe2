// A store with members that misbehaves as distributed stores do, by chance and on command: batches of any
// size, answers that come late, commits that take time, are undone or lose their answer, sessions that end,
// partitions that move, processes that die in the middle of a call. It lies in memory, in virtual time; what
// takes time waits for run_due(). One thread, sessions and readers too. Nothing survives the object.
//
// It is a store of its own and not a shell around MemoryStore: every member's commit has a fate and a time of
// its own, also after its process died.
#pragma once

#include <memory>

#include "eventy/store/record_store.hpp"
#include "eventy/testing/chance.hpp"
#include "eventy/testing/trace.hpp"

namespace eventy::testing {

// Probabilities from 0 to 1, each of one call; times at most. All 0: a store that does as it is told, at
// once.
struct StoreFaults {
  double short_batches = 0;   // a poll is asked for a few records only, of some of its partitions
  double late_answers = 0;    // a poll has nothing to tell yet
  double gaps = 0;            // offsets skip one, as after a transaction marker
  double aborts = 0;          // a commit is undone
  double unknown = 0;         // a commit's answer is lost; half of these happened
  double failed_polls = 0;    // the session ends, as in the three that follow
  double failed_commits = 0;  // half of these go on by themselves
  double failed_appends = 0;
  double failed_writes = 0;  // write_now; half of these were written
  double failed_reads = 0;   // of a state
  double throws = 0;         // a call of a session throws what is no exception; the session ends
  Duration commit_most{0};   // what a commit takes
  Duration restore_most{0};  // from Assigned to Restored
  Duration late_most{0};     // until a late answer is there
};

namespace detail {
struct SimulatedImpl;
}

class SimulatedStore final : public RecordStore {
 public:
  SimulatedStore(const Clock& clock, Chance& chance, Trace& trace);
  ~SimulatedStore() override;

  StoreFeatures features() const override;
  Result<void> ensure_topics(const std::vector<TopicSpec>& topics) override;
  Result<std::vector<TopicSpec>> topics() const override;
  // A further session of a service from another node takes over its share of the partitions; one from the
  // same node replaces its predecessor, which is fenced.
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
  // Called when a node calls its session, before and in the middle of what the call does. It may throw: the
  // process dies there.
  void on_call(std::function<void(const std::string& node)> call);
  // Called with each change of a state when it is committed; without a value it is gone.
  using Changed = std::function<void(const std::string& service, const std::string& keyspace,
                                     const std::string& key, const std::optional<std::string>& value)>;
  void on_change(Changed changed);

  // --- on command ---
  // A partition goes to that node, or to who has fewest: revoked, and given when its owner lets it go.
  void move(const std::string& service, PartitionId partition, const std::string& node);
  // The store has not heard of the node for too long: its partitions are lost and go to others. It may find
  // out late.
  void expire(const std::string& service, const std::string& node);
  // The node's process died: a commit that was sent still happens, or not; nobody closes its session. Its
  // partitions are its own until expire(), or until it opens a session again.
  void crash(const std::string& service, const std::string& node);

  // --- virtual time ---
  std::optional<MonotonicTime> next_due() const;
  void run_due();
  // Nobody has a cycle open or in flight, and every partition of the service has an owner who knows it.
  bool at_rest(const std::string& service) const;
  // Of the node's session, if it has one that has not ended.
  bool has_cycle(const std::string& service, const std::string& node) const;          // open or in flight
  std::size_t partitions(const std::string& service, const std::string& node) const;  // it holds so many

 private:
  std::shared_ptr<detail::SimulatedImpl> impl_;
};

}  // namespace eventy::testing
