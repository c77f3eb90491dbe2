// A session around another one, which does as that does: what a test changes, it overrides.
#pragma once

#include "eventy/store/record_store.hpp"

namespace eventy::support {

class ShellSession : public StoreSession {
 public:
  explicit ShellSession(std::unique_ptr<StoreSession> inner) : inner_(std::move(inner)) {}
  Result<std::vector<StoreEvent>> poll(const PollLimits& limits) override {
    auto events = inner_->poll(limits);
    if (!events.ok()) return events;
    for (auto& event : *events)
      if (auto changed = change(event); !changed.ok()) return changed.error();
    return events;
  }
  void on_ready(std::function<void()> wake) override { inner_->on_ready(std::move(wake)); }
  void pause(PartitionId partition) override { inner_->pause(partition); }
  void resume(PartitionId partition) override { inner_->resume(partition); }
  Result<void> append(std::shared_ptr<const SliceEffects> slice) override {
    return inner_->append(std::move(slice));
  }
  Result<void> write_now(const OutputBuffer& outputs) override { return inner_->write_now(outputs); }
  Result<void> commit(CycleId cycle) override { return inner_->commit(cycle); }
  Result<void> abort() override { return inner_->abort(); }
  Result<Outcome> resolve(CycleId cycle) override { return inner_->resolve(cycle); }
  void release(const std::vector<PartitionId>& partitions) override { inner_->release(partitions); }
  std::uint32_t partition_count(TopicIndex topic) const override { return inner_->partition_count(topic); }
  std::size_t max_record_bytes(TopicIndex topic) const override { return inner_->max_record_bytes(topic); }
  bool needs_keys(TopicIndex topic) const override { return inner_->needs_keys(topic); }
  std::size_t max_state_bytes() const override { return inner_->max_state_bytes(); }
  std::size_t max_cycle_bytes() const override { return inner_->max_cycle_bytes(); }
  Result<bool> at_end() override { return inner_->at_end(); }
  void close() override { inner_->close(); }

 protected:
  // Sees every event on its way out, in order, and may replace it. An error ends the poll.
  virtual Result<void> change(StoreEvent&) { return {}; }
  std::unique_ptr<StoreSession> inner_;
};

}  // namespace eventy::support
