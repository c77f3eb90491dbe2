// Drives the engines of services on a store in one thread, step by step: what a node does, without actors.
// For tests of what bridge and partitions decide together, and for measuring the engine alone.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventy/engine/bridge_engine.hpp"
#include "eventy/engine/partition_engine.hpp"
#include "eventy/engine/source_engine.hpp"

namespace eventy::testing {

class LocalService {
 public:
  using Session = std::unique_ptr<StoreSession>;
  // `around` may put a session of the test's own around that of the store.
  LocalService(
      RecordStore& store, Service service, RuntimeOptions options, BridgeOptions bridge, const Clock& clock,
      std::uint32_t partitions, std::string node = "node",
      const std::function<Session(Session)>& around = [](Session s) { return s; })
      : clock_(clock), runtime_(std::make_shared<const ServiceRuntime>(service, std::move(options))) {
    store.ensure_topics(runtime_->topic_specs(partitions)).value();
    bridge_ = std::make_unique<BridgeEngine>(
        runtime_, around(store.open_session(runtime_->session_options(node)).value()), bridge, clock);
  }

  BridgeEngine& bridge() { return *bridge_; }
  PartitionEngine& partition(std::uint32_t p) { return *partitions_.at(TaskId{{p}}); }

  void poll() { carry_out(bridge_->step()); }
  // Lets every partition and source work once; true if any had something to do.
  bool work() {
    bool any = false;
    for (auto& [task, engine] : partitions_) {
      auto step = engine->step();
      any |= step.more;
      if (step.slice) any = true, hold(*step.slice);
      if (step.waits) waiting_tasks_.push_back({task, engine->epoch()});
    }
    for (auto& [task, engine] : sources_) {
      auto poll = engine->poll();
      if (poll.slice) {
        any = true, hold(*poll.slice);
      } else {
        bridge_->task_waits(task, engine->epoch());
      }
    }
    return any;
  }
  // Slices wait between work() and this, so that a test can put a failure in between.
  void hand_over() {
    while (!slices_.empty()) {
      auto slice = std::make_shared<const Slice>(std::move(slices_.front()));
      slices_.pop_front();
      carry_out(bridge_->accept(std::move(slice)));
    }
    for (const auto& [task, epoch] : std::exchange(waiting_tasks_, {})) bridge_->task_waits(task, epoch);
  }
  void round() { poll(), work(), hand_over(); }
  void crash(std::uint32_t p) {
    partitions_.erase(TaskId{{p}});
    carry_out(bridge_->task_down(TaskId{{p}}));
  }
  void start_again(std::uint32_t p) { carry_out(bridge_->start_again(TaskId{{p}})); }
  std::size_t waiting_slices() const { return slices_.size(); }
  std::vector<PartitionId> owned() const {
    std::vector<PartitionId> out;
    for (const auto& [task, engine] : partitions_) out.push_back(task.partition);
    return out;
  }

 private:
  void hold(Slice& slice) { slices_.push_back(std::move(slice)); }
  void carry_out(std::vector<BridgeAction> actions) {
    for (auto& a : actions) std::visit([this](auto& x) { carry_out(x); }, a);
  }
  void carry_out(action::StartTask& a) {
    if (a.task.is_source()) {
      sources_[a.task] = std::make_unique<SourceEngine>(bridge_->routes(), a.task, a.epoch, a.state, clock_);
    } else {
      partitions_[a.task] =
          std::make_unique<PartitionEngine>(bridge_->routes(), a.task.partition, a.epoch, a.state, clock_);
    }
  }
  void carry_out(action::StopTask& a) { partitions_.erase(a.task), sources_.erase(a.task); }
  void carry_out(action::Deliver& a) {
    const auto it = partitions_.find(a.task);
    if (it != partitions_.end() && it->second->epoch() == a.epoch)
      it->second->accept(std::move(a.batch), a.from);
  }
  void carry_out(action::CommittedUpTo& a) {
    const auto it = partitions_.find(a.task);
    if (it == partitions_.end() || it->second->epoch() != a.epoch) return;
    bridge_->deferred_done(a.task, a.epoch, a.up_to, it->second->committed(a.up_to));
  }
  void carry_out(action::RewindTo& a) {
    if (const auto it = partitions_.find(a.task); it != partitions_.end()) it->second->rewind(a.epoch);
    if (const auto it = sources_.find(a.task); it != sources_.end()) it->second->rewind(a.epoch);
  }

  const Clock& clock_;
  std::shared_ptr<const ServiceRuntime> runtime_;
  std::unique_ptr<BridgeEngine> bridge_;
  std::map<TaskId, std::unique_ptr<PartitionEngine>> partitions_;
  std::map<TaskId, std::unique_ptr<SourceEngine>> sources_;
  std::deque<Slice> slices_;
  std::vector<std::pair<TaskId, Epoch>> waiting_tasks_;
};

}  // namespace eventy::testing
