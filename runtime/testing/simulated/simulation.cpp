#include "eventy/testing/simulation.hpp"

#include <algorithm>
#include <limits>

#include "eventy/testing/plain_format.hpp"
#include "keepers.hpp"

namespace eventy::testing {

namespace {

using detail::Actor;
using detail::BridgeActor;
using detail::KeeperSetup;
using detail::ProcessDied;
using detail::SupervisorActor;
using detail::World;

class WorldClock final : public Clock {
 public:
  explicit WorldClock(const World& world) : world_(world) {}
  Instant now() const override { return world_.now(); }

 private:
  const World& world_;
};

struct Node {
  std::string name;
  bool up = false, stopping = false;
  std::size_t starts = 0;
  std::vector<ActorId> supervisors = {};
  std::set<std::size_t> drained = {};
  std::optional<std::string> gave_up = {};
};

constexpr Duration idle_check{300};  // longer than any source waits that has nothing

}  // namespace

struct Simulation::Impl {
  explicit Impl(SimulationOptions o)
      : options(std::move(o)),
        trace(options.listen),
        world(options.seed, trace),
        clock(world),
        store(clock, world.chance(), trace),
        faults(options.faults) {
    if (!options.runtime.serializer) options.runtime.serializer = plain_serializer();
    if (!options.runtime.state_format) options.runtime.state_format = plain_state_format();
    for (std::uint32_t n = 0; n < options.nodes; ++n) nodes.push_back({.name = 'n' + std::to_string(n)});
    store.on_call([this](const std::string&) {
      if (!world.working() || !world.chance().happens(faults.die_in_call)) return;
      trace.fired("node died in a call");
      throw ProcessDied{world.working()->node()};
    });
    if (options.hooks.deliver)
      world.set_hook([this](Actor& to, ActorId from, Mail& mail) { return hook(to, from, mail); });
  }

  void set_faults(const SimulationFaults& f) {
    faults = f;
    store.set_faults(f.store);
    world.set_lane_crashes(f.crash_lane);
  }

  bool hook(Actor& to, ActorId from, Mail& mail) {
    SimulationHooks::Letter letter{from, to.id(), to.epoch(), mail};
    return options.hooks.deliver(letter,
                                 [this](ActorId at, Mail more) { world.send({}, at, std::move(more)); });
  }

  // --- nodes ---

  void at(Duration wait, std::function<void()> what) { agenda.emplace(world.now() + wait, std::move(what)); }

  void start(std::uint32_t n) {
    Node& node = nodes[n];
    if (node.up) return;
    world.note(node.name + " starts");
    node = {.name = node.name, .up = true, .starts = node.starts + 1};
    world.freeze(n, {});
    for (std::size_t s = 0; s < services.size(); ++s)
      node.supervisors.push_back(world.add(std::make_unique<SupervisorActor>(world, keeper(n, s))));
  }

  std::shared_ptr<const KeeperSetup> keeper(std::uint32_t n, std::size_t s) {
    KeeperSetup setup{.node = n, .name = nodes[n].name + '/' + services[s]->plan().name};
    setup.runtime = services[s];
    setup.open_session = [this, n, s] { return open_session(n, s); };
    setup.bridge = options.bridge, setup.supervision = options.supervision;
    setup.source_slices_in_flight = options.source_slices_in_flight;
    setup.source_records_per_look = options.source_records_per_look;
    setup.drained = [this, n, s] { nodes[n].drained.insert(s); };
    setup.gave_up = [this, n](const std::string& why) { nodes[n].gave_up = why; };
    return std::make_shared<const KeeperSetup>(std::move(setup));
  }

  Result<std::unique_ptr<StoreSession>> open_session(std::uint32_t n, std::size_t s) {
    const auto session_options = services[s]->session_options(nodes[n].name);
    auto session = store.open_session(session_options);
    if (!session.ok() || !options.hooks.session) return session;
    return options.hooks.session(std::move(*session), session_options);
  }

  // Nothing of the process is left but what it sent; its partitions are its own until the store gives it up.
  void die(std::uint32_t n) {
    Node& node = nodes[n];
    world.note(node.name + " dies");
    node.up = false;
    for (const auto& service : services) store.crash(service->plan().name, node.name);
    world.remove_node(n);
    at(world.chance().up_to(faults.down_most), [this, n] { start(n); });
    at(options.session_timeout, [this, n, starts = node.starts] {
      if (!nodes[n].up && nodes[n].starts == starts) expire(n);
    });
  }

  void stop_orderly(std::uint32_t n) {
    world.note(nodes[n].name + " is stopped");
    nodes[n].up = false;
    world.remove_node(n);
    at(world.chance().up_to(faults.down_most), [this, n] { start(n); });
  }

  void begin_to_stop(std::uint32_t n) {
    trace.fired("node stopped");
    nodes[n].stopping = true;
    for (const ActorId s : nodes[n].supervisors) world.send({}, s, mail::Drain{});
    at(Duration(5'000), [this, n, starts = nodes[n].starts] {  // no longer than that
      if (nodes[n].up && nodes[n].starts == starts) stop_orderly(n);
    });
  }

  void expire(std::uint32_t n) {
    world.note(nodes[n].name + " is given up by the store");
    for (const auto& service : services) {
      try {
        store.expire(service->plan().name, nodes[n].name);
      } catch (const std::invalid_argument&) {  // it has no session at the moment
      }
    }
  }

  void freeze(std::uint32_t n) {
    trace.fired("node frozen");
    const Duration time = world.chance().up_to(faults.frozen_most);
    world.note(nodes[n].name + " stands still for " + std::to_string(time.count()) + " ms");
    world.freeze(n, world.now() + time);
    if (time <= options.session_timeout) return;
    trace.fired("node became a zombie");
    at(options.session_timeout, [this, n, starts = nodes[n].starts] {
      if (nodes[n].up && nodes[n].starts == starts) expire(n);
    });
  }

  // --- faults between messages ---

  std::uint32_t any_node() { return static_cast<std::uint32_t>(world.chance().below(nodes.size())); }

  void strike() {
    auto& chance = world.chance();
    const std::uint32_t n = any_node();
    const bool runs = nodes[n].up;
    if (chance.happens(faults.die) && runs) {
      trace.fired("node died");
      return die(n);
    }
    if (chance.happens(faults.freeze) && runs && !world.frozen(n)) return freeze(n);
    if (chance.happens(faults.stop) && runs && !nodes[n].stopping) return begin_to_stop(n);
    if (chance.happens(faults.lose_partition)) {
      trace.fired("all partitions of a node lost");
      return expire(n);
    }
    if (!chance.happens(faults.move_partition)) return;
    const auto& service = services[chance.below(services.size())]->plan().name;
    store.move(service, {static_cast<std::uint32_t>(chance.below(partitions))}, nodes[n].name);
  }

  void after_message() {
    for (std::uint32_t n = 0; n < nodes.size(); ++n) {
      Node& node = nodes[n];
      if (!node.up) continue;
      if (node.gave_up) {
        world.note(node.name + " gave up: " + *node.gave_up);
        world.chance().happens(0.5) ? die(n) : stop_orderly(n);
      } else if (node.stopping && node.drained.size() == services.size()) {
        trace.fired("node drained");
        stop_orderly(n);
      }
    }
  }

  // --- time ---

  void run_due() {
    while (!agenda.empty() && agenda.begin()->first <= world.now()) {
      const auto what = std::move(agenda.begin()->second);
      agenda.erase(agenda.begin());
      what();
    }
    store.run_due();
  }

  void pass(Duration time) {
    world.advance_to(world.now() + time);
    run_due();
  }

  // To the next moment at which anything can happen; false: there is none.
  bool jump() {
    std::optional<Instant> next = world.next_due();
    const auto also = [&](std::optional<Instant> at) {
      if (at) next = next ? std::min(*next, *at) : *at;
    };
    also(store.next_due());
    if (!agenda.empty()) also(agenda.begin()->first);
    if (!next) return false;
    pass(std::max(Duration(0), *next - world.now()));
    return true;
  }

  bool step() {
    if (world.chance().below(8) == 0) pass(world.chance().up_to(Duration(4)));
    try {
      if (!world.deliver_one()) return false;
    } catch (const ProcessDied& died) {
      die(died.node);
    }
    after_message();
    return true;
  }

  void begin() {
    if (std::exchange(begun, true)) return;
    set_faults(faults);
    for (std::uint32_t n = 0; n < nodes.size(); ++n) start(n);
  }

  // --- rest ---

  BridgeActor* bridge_of(ActorId supervisor) {
    auto* s = dynamic_cast<SupervisorActor*>(world.find(supervisor));
    return s ? dynamic_cast<BridgeActor*>(world.find(s->bridge())) : nullptr;
  }

  // What keeps the cluster from being at rest; empty: nothing.
  std::string unrest() {
    for (std::uint32_t n = 0; n < nodes.size(); ++n) {
      if (!nodes[n].up || nodes[n].stopping) return nodes[n].name + " is down";
      if (world.frozen(n)) return nodes[n].name + " stands still";
      for (std::size_t s = 0; s < services.size(); ++s) {
        const std::string name = nodes[n].name + '/' + services[s]->plan().name;
        BridgeActor* bridge = bridge_of(nodes[n].supervisors[s]);
        if (!bridge || !bridge->engine()) return name + " has no bridge";
        if (!bridge->engine()->has_lanes()) continue;  // there are fewer partitions than nodes
        if (!bridge->engine()->idle()) return name + " is not idle";
      }
    }
    for (const auto& service : services)
      if (!store.at_rest(service->plan().name)) return "the store has work for " + service->plan().name;
    return {};
  }

  std::uint64_t activity() {
    std::uint64_t sum = 0;
    for (const Node& node : nodes)
      for (const ActorId s : node.supervisors)
        if (BridgeActor* bridge = bridge_of(s); bridge && bridge->engine())
          sum += bridge->engine()->activity();
    return sum;
  }

  SimulationOptions options;
  Trace trace;
  World world;
  WorldClock clock;
  SimulatedStore store;
  SimulationFaults faults;
  std::vector<std::shared_ptr<const ServiceRuntime>> services;
  std::uint32_t partitions = 1;
  std::vector<Node> nodes;
  std::multimap<Instant, std::function<void()>> agenda;
  bool begun = false;
};

Simulation::Simulation(SimulationOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Simulation::~Simulation() {
  for (std::uint32_t n = 0; n < impl_->nodes.size(); ++n) impl_->world.remove_node(n);
}

void Simulation::add(const Service& service, std::uint32_t partitions) {
  auto runtime = std::make_shared<const ServiceRuntime>(service, impl_->options.runtime);
  const auto known = impl_->store.topics().value();
  for (const auto& topic : runtime->topic_specs(partitions))
    if (std::none_of(known.begin(), known.end(), [&](const auto& k) { return k.name == topic.name; }))
      impl_->store.ensure_topics({topic}).value();
  impl_->services.push_back(std::move(runtime));
  impl_->partitions = std::max(impl_->partitions, partitions);
}

SimulatedStore& Simulation::store() { return impl_->store; }
Chance& Simulation::chance() { return impl_->world.chance(); }
void Simulation::spend(Duration time) { impl_->world.spend(time); }
Instant Simulation::now() const { return impl_->world.now(); }
Trace& Simulation::trace() { return impl_->trace; }

void Simulation::run(std::size_t messages) {
  impl_->begin();
  for (std::size_t i = 0; i < messages; ++i) {
    impl_->strike();
    if (!impl_->step() && !impl_->jump()) return;
  }
}

void Simulation::heal() {
  impl_->begin();
  impl_->world.note("everything heals");
  impl_->set_faults({.down_most = impl_->faults.down_most});
  for (std::uint32_t n = 0; n < impl_->nodes.size(); ++n) impl_->world.freeze(n, {});
}

std::optional<std::string> Simulation::settle(SettleLimits limits) {
  impl_->begin();
  const Instant deadline = now() + limits.time;
  bool calm = false;
  Instant since = now();
  std::uint64_t activity = 0;
  std::string unrest = "it has not begun";
  for (std::size_t messages = 0; messages < limits.messages && now() < deadline; ++messages) {
    if (impl_->step()) continue;
    unrest = impl_->unrest();
    if (!unrest.empty()) {
      calm = false;
    } else if (!calm || activity != impl_->activity()) {
      calm = true, since = now(), activity = impl_->activity();
    } else if (now() - since >= idle_check) {
      return std::nullopt;
    }
    if (!impl_->jump() && unrest.empty()) return std::nullopt;
  }
  return unrest.empty() ? "it does not come to rest" : unrest;
}

}  // namespace eventy::testing
