#include "simulated_node.hpp"

namespace eventy::testing {

using namespace eventy::actors;

namespace {

class WorldMailbox final : public Mailbox {
 public:
  WorldMailbox(World& world, ActorId id) : Mailbox(id), world_(world) {}
  void put(Letter letter, std::chrono::nanoseconds wait) override {
    world_.put(id(), std::move(letter), wait);
  }

 private:
  World& world_;
};

caf::actor_system_config deterministic() {
  caf::actor_system_config config;
  config.set("scheduler.policy", caf::atom("testing"));
  return config;
}

}  // namespace

SimulatedNode::SimulatedNode(World& world, std::string name)
    : world_(world),
      name_(std::move(name)),
      config_(deterministic()),
      system_(std::make_unique<caf::actor_system>(config_)) {}

SimulatedNode::~SimulatedNode() { kill(); }

caf::scheduler::test_coordinator& SimulatedNode::scheduler() const {
  return dynamic_cast<caf::scheduler::test_coordinator&>(system_->scheduler());
}

void SimulatedNode::start(const RootSetup& setup) {
  for (const auto& service : setup.services) services_.push_back(service->runtime->plan().name);
  root_ = spawn<RootActor>(*this, {}, RunsOn::own_thread, setup, Ref<ToRoot>());
}

std::shared_ptr<Mailbox> SimulatedNode::mailbox(ActorId id, const caf::actor&) {
  return std::make_shared<WorldMailbox>(world_, id);
}

void SimulatedNode::spawned(ActorId id, const Role& role, const caf::actor& actor) {
  std::string name = name_;
  if (role.kind == Role::Kind::root) {
    name += "/root";
  } else {
    name += '/' + (role.service < services_.size() ? services_[role.service] : "service");
    if (role.kind == Role::Kind::supervisor) name += "/supervisor";
    if (role.kind == Role::Kind::bridge) name += "/bridge";
    if (role.kind == Role::Kind::task)
      name += (role.task.is_source() ? "/source of " : "/") + std::to_string(role.task.partition.value);
  }
  ++actors_;
  world_.add(id, *this, role, std::move(name), actor);
  actor->attach_functor([this, id](const caf::error& why) {
    --actors_;
    world_.ended(id, reason_of(why));
  });
}

void SimulatedNode::run(const caf::actor& actor) {
  scheduler().prioritize(actor);
  scheduler().run_once();
}

// CAF would let every actor handle its mail before the system is destroyed. So each actor is ended by hand:
// its state is destroyed, and the jobs that the scheduler holds are released without running.
void SimulatedNode::kill() {
  if (!system_) return;
  doomed_ = true;
  root_ = {};
  const auto all = world_.actors_of(*this);
  world_.remove(*this);
  for (const auto& known : all) {
    auto& local = dynamic_cast<caf::scheduled_actor&>(*caf::actor_cast<caf::abstract_actor*>(known.actor));
    local.on_exit();
    local.cleanup(caf::exit_reason::kill, nullptr);
  }
  auto& jobs = scheduler().jobs;
  for (caf::resumable* job : jobs) caf::intrusive_ptr_release(job);
  jobs.clear();
  system_->await_actors_before_shutdown(false);
  system_.reset();
}

}  // namespace eventy::testing
