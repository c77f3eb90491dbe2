// The bridge and the supervisor of one service on one simulated node: they carry out what actors/bridge and
// actors/supervisor do, line by line.
#pragma once

#include <set>

#include "eventy/engine/bridge_engine.hpp"
#include "eventy/engine/supervision.hpp"
#include "eventy/testing/simulation.hpp"
#include "world.hpp"

namespace eventy::testing::detail {

struct KeeperSetup {
  std::uint32_t node = 0;
  std::string name = {};  // of node and service
  std::shared_ptr<const ServiceRuntime> runtime = {};
  std::function<Result<std::unique_ptr<StoreSession>>()> open_session = {};
  BridgeOptions bridge = {};
  SupervisionOptions supervision = {};
  std::size_t source_slices_in_flight = 4;
  std::size_t source_records_per_look = 1000;
  std::function<void()> drained = {};
  std::function<void(const std::string& why)> gave_up = {};
};

class BridgeActor final : public Actor {
 public:
  BridgeActor(World& world, std::shared_ptr<const KeeperSetup> setup, ActorId supervisor)
      : Actor(world, setup->node, setup->name + "/bridge"),
        setup_(std::move(setup)),
        supervisor_(supervisor) {}
  void receive(ActorId from, Mail& mail) override;
  void begin() override { step_soon(); }
  BridgeEngine* engine() { return engine_.get(); }

 private:
  struct Child {
    Epoch started;
    ActorId actor = {};
    std::vector<Mail> waiting = {};
  };
  void open();
  void step();
  void perform(std::vector<BridgeAction> actions);
  void perform(const action::Start& a);
  void perform(const action::Stop& a);
  void perform(const action::Deliver& a);
  void perform(const action::Committed& a);
  void perform(const action::Rewind& a);
  void tell(Lane lane, Mail mail);
  void go_on();
  void started(const mail::LaneStarted& m);
  void lanes_down(const std::vector<Lane>& lanes);
  void drain();
  void step_soon();

  std::shared_ptr<const KeeperSetup> setup_;
  ActorId supervisor_;
  std::map<Lane, Child> children_ = {};
  std::shared_ptr<bool> step_is_sent_ = std::make_shared<bool>(false);
  std::optional<Instant> wakes_at_ = {};
  bool draining_ = false, reported_ = false;
  std::unique_ptr<BridgeEngine> engine_ = {};
};

class SupervisorActor final : public Actor {
 public:
  SupervisorActor(World& world, std::shared_ptr<const KeeperSetup> setup)
      : Actor(world, setup->node, setup->name + "/supervisor"),
        setup_(std::move(setup)),
        supervision_(setup_->supervision, Supervision::First::holds_the_others) {}
  void receive(ActorId from, Mail& mail) override;
  void begin() override { start_bridge(); }
  ActorId bridge() const { return bridge_; }

 private:
  void start_bridge();
  void start_lane(ActorId from, const mail::StartLane& m);
  void stop_lane(Lane lane);
  void close(ActorId child, std::optional<Lane> lane);
  void after_closing();
  void child_is_down(const mail::Down& m);
  void lane_failed(Lane lane, const mail::Down& m);
  void bridge_failed(const mail::Down& m);
  std::optional<Supervision::Decision> judge(Supervision::Child child, const std::string& reason,
                                             std::optional<ErrorCode> code);
  void restart_all(Duration wait);
  void restart_lanes(Lane failed, const Supervision::Decision& decision);
  void start_due_lanes();
  void drain();

  std::shared_ptr<const KeeperSetup> setup_;
  Supervision supervision_;
  ActorId bridge_ = {};
  std::map<Lane, ActorId> lanes_ = {};
  std::map<ActorId, std::optional<Lane>> closing_ = {};  // nullopt: a bridge
  std::set<Lane> due_ = {};
  std::uint64_t generation_ = 0;
  bool bridge_is_due_ = false, draining_ = false, has_given_up_ = false;
};

}  // namespace eventy::testing::detail
