// A store in memory, for tests, for Bench and for measuring the engine alone. On command it does what only a
// distributed store does by itself: assign, revoke or lose a partition, abort a commit, lose a commit's
// answer, delay a restore. Any thread may call it; sessions follow the rules of the port. Nothing survives
// the object.
#pragma once

#include <memory>

#include "eventy/store/record_store.hpp"

namespace eventy {

namespace detail {
struct MemoryImpl;
}

class MemoryStore final : public RecordStore {
 public:
  MemoryStore();
  ~MemoryStore() override;

  StoreFeatures features() const override;
  Result<void> ensure_topics(const std::vector<TopicSpec>& topics) override;
  Result<std::vector<TopicSpec>> topics() const override;
  // Another session of a service from another node takes over its share of the partitions (the others get
  // Revoked); a new session of the same node fences and replaces the old one.
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

  // --- commands; each takes effect at the next call of the affected session ---
  enum class CommitFate : std::uint8_t {
    commits,                // the default
    aborts,                 // the cycle is aborted: Aborted
    unknown_but_committed,  // UnknownOutcome; resolve() says committed
    unknown_and_aborted,    // UnknownOutcome; resolve() says aborted
    held,                   // no outcome until resume_commit()
  };
  void next_commit(const std::string& service, CommitFate fate);  // sets the outcome of the next commit()
  void resume_commit(const std::string& service);                 // a held commit proceeds as `commits`
  // Sends Revoked; after release() nobody owns the partition.
  void revoke(const std::string& service, PartitionId partition);
  // Sends Lost; commits that include the partition fail: fenced.
  void lose(const std::string& service, PartitionId partition);
  // `partition` must have no owner.
  void assign(const std::string& service, const std::string& node, PartitionId partition);
  // Assigned is sent; Restored waits until hold_restore(service, false).
  void hold_restore(const std::string& service, bool hold);
  void fail_poll(const std::string& service, Error error);  // the session ends, as after a lost connection

 private:
  std::shared_ptr<detail::MemoryImpl> impl_;
};

}  // namespace eventy
