// A store in memory: for tests, for Bench and for measuring the engine alone. Beside the port it does on
// command what only a distributed store does by itself: assign, revoke, lose, abort, lose a commit's answer,
// restore late. Any thread; sessions as the port says. Nothing survives the object.
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
  // A further session of a service from another node takes over its share of the partitions (the others see
  // Revoked); one from the same node replaces its predecessor, which is fenced.
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

  // --- on command; each takes effect at the next call of the session concerned ---
  enum class CommitFate : std::uint8_t {
    commits,                // as always
    aborts,                 // the cycle is undone: Aborted
    unknown_but_committed,  // UnknownOutcome; resolve() says committed
    unknown_and_aborted,    // UnknownOutcome; resolve() says aborted
    held,                   // no outcome until let_commit()
  };
  void next_commit(const std::string& service, CommitFate fate);   // of the service's next commit call
  void let_commit(const std::string& service);                     // a held commit goes on as `commits`
  void revoke(const std::string& service, PartitionId partition);  // Revoked; after release() it is nobody's
  void lose(const std::string& service,
            PartitionId partition);  // Lost; commits that hold it are refused: fenced
  void assign(const std::string& service, const std::string& node,
              PartitionId partition);                        // one that is nobody's
  void hold_restore(const std::string& service, bool hold);  // Assigned comes, Restored waits until released
  void fail_poll(const std::string& service, Error error);   // the session ends, as after a broken connection

 private:
  std::shared_ptr<detail::MemoryImpl> impl_;
};

}  // namespace eventy
