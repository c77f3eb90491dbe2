// Partitions and sources as actors of a simulation: they carry out what actors/partition does, line by line.
#pragma once

#include "eventy/engine/partition_engine.hpp"
#include "eventy/engine/source_engine.hpp"
#include "world.hpp"

namespace eventy::testing::detail {

struct LaneSetup {
  Lane lane;
  Epoch epoch;
  std::shared_ptr<const Routes> routes;
  std::shared_ptr<const StateReader> state;
  ActorId bridge;
  std::size_t source_slices_in_flight = 4;
  std::size_t source_records_per_look = 1000;
};

class PartitionActor final : public Actor {
 public:
  PartitionActor(World& world, std::uint32_t node, std::string name, LaneSetup setup)
      : Actor(world, node, std::move(name)), setup_(std::move(setup)) {}
  void receive(ActorId from, Mail& mail) override;
  void begin() override { step_soon(); }
  bool is_lane() const override { return true; }
  Epoch epoch() const override { return engine_ ? engine_->epoch() : setup_.epoch; }

 private:
  PartitionEngine& engine();
  void step();
  void step_soon();

  LaneSetup setup_;
  std::unique_ptr<PartitionEngine> engine_ = {};
  bool step_is_sent_ = false;
};

class SourceActor final : public Actor {
 public:
  SourceActor(World& world, std::uint32_t node, std::string name, LaneSetup setup)
      : Actor(world, node, std::move(name)), setup_(std::move(setup)) {}
  void receive(ActorId from, Mail& mail) override;
  void begin() override { look_soon(); }
  bool is_lane() const override { return true; }
  Epoch epoch() const override { return engine_ ? engine_->epoch() : setup_.epoch; }

 private:
  SourceEngine& engine();
  void look();
  void look_soon();
  void committed(const mail::CommittedUpTo& m);
  void quit_when_committed();
  void rewind(const mail::RewindTo& m);

  LaneSetup setup_;
  std::unique_ptr<SourceEngine> engine_ = {};
  std::uint64_t sent_ = 0, committed_ = 0;
  bool look_is_sent_ = false, stopped_ = false, waits_ = false;
  std::optional<std::pair<std::string, std::optional<ErrorCode>>> failure_ = {};
};

}  // namespace eventy::testing::detail
