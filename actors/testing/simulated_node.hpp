// One process of a World: a root with all actors that it starts, in a CAF system of its own. It ends in order
// when its root is told to stop, or at any moment by kill(): then none of its handlers runs any more.
#pragma once

#include <caf/scheduler/test_coordinator.hpp>

#include "../supervisor/root.hpp"
#include "world.hpp"

namespace eventy::testing {

class SimulatedNode final : public actors::Host {
 public:
  SimulatedNode(World& world, std::string name);
  ~SimulatedNode() override;  // calls kill()
  SimulatedNode(const SimulatedNode&) = delete;
  SimulatedNode& operator=(const SimulatedNode&) = delete;

  void start(const actors::RootSetup& setup);
  const actors::Ref<actors::ToRoot>& root() const { return root_; }
  // A reference to one of its actors; the caller knows the actor's role.
  template <class Receiver>
  actors::Ref<Receiver> ref(actors::ActorId id) {
    return actors::Ref<Receiver>(mailbox(id, {}));
  }
  bool has_ended() const { return actors_ == 0; }
  std::size_t actors() const { return actors_; }

  // The process dies: nothing of it runs any more. Must not be called from one of its handlers.
  void kill();
  // The process dies within a handler: what that still sends is dropped. kill() must follow.
  void doom() { doomed_ = true; }
  bool doomed() const { return doomed_; }

  // Sets the node's date forward or back.
  void set_wall(MonotonicTime::duration by) { wall_set_by_ += by; }

  // --- Host ---
  bool has_threads() const override { return false; }
  const Clock& clock() const override { return clock_; }
  caf::actor_system& system() override { return *system_; }
  actors::ActorId new_id() override { return world_.new_id(); }
  std::shared_ptr<actors::Mailbox> mailbox(actors::ActorId id, const caf::actor& actor) override;
  void spawned(actors::ActorId id, const actors::Role& role, const caf::actor& actor) override;

  const std::string& name() const { return name_; }
  // Runs the actor's job, which is the last one that the scheduler got.
  void run(const caf::actor& actor);

 private:
  class NodeClock final : public Clock {
   public:
    explicit NodeClock(const SimulatedNode& node) : node_(node) {}
    MonotonicTime now() const override { return node_.world_.now_for_actors(); }
    WallTime wall() const override {
      return std::chrono::floor<WallTime::duration>(node_.world_.wall() + node_.wall_set_by_);
    }

   private:
    const SimulatedNode& node_;
  };
  caf::scheduler::test_coordinator& scheduler() const;

  World& world_;
  std::string name_;
  NodeClock clock_{*this};
  MonotonicTime::duration wall_set_by_{0};
  std::vector<std::string> services_ = {};  // their names
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  actors::Ref<actors::ToRoot> root_ = {};
  std::size_t actors_ = 0;  // alive
  bool doomed_ = false;
};

}  // namespace eventy::testing
