#include "eventy/testing/simulation.hpp"

#include "cluster.hpp"
#include "eventy/testing/plain_format.hpp"

namespace eventy::testing {

namespace {

class WorldClock final : public Clock {
 public:
  explicit WorldClock(const World& world) : world_(world) {}
  MonotonicTime now() const override { return world_.now(); }
  WallTime wall() const override { return world_.wall(); }

 private:
  const World& world_;
};

constexpr Duration idle_time{300};  // longer than the wait of any source that found nothing

}  // namespace

struct Simulation::Impl {
  explicit Impl(SimulationOptions o)
      : options(std::move(o)),
        trace(options.listen),
        chance(options.seed),
        world(chance, trace, World::Order::by_chance),
        clock(world),
        store(clock, chance, trace),
        cluster(options, world, store) {
    if (!options.runtime.serializer) options.runtime.serializer = plain_serializer();
    if (!options.runtime.state_format) options.runtime.state_format = plain_state_format();
    store.on_call([this](const std::string&) { cluster.in_a_call(); });
    if (!options.hooks.deliver) return;
    const SimulationHooks::Send send = [this](actors::ActorId to, actors::Letter letter) {
      world.put(to, std::move(letter), {});
    };
    world.set_hook([this, send](actors::ActorId to, actors::Letter& letter) {
      return options.hooks.deliver(to, letter, send);
    });
  }
  ~Impl() { cluster.end(); }

  void begin() {
    if (std::exchange(begun, true)) return;
    cluster.set_faults(options.faults);
    cluster.start_all();
  }

  void pass(MonotonicTime::duration time) {
    world.advance(time);
    cluster.run_due();
    store.run_due();
  }

  // Advances to the next time at which something can happen; false: there is none.
  bool jump() {
    std::optional<MonotonicTime> next;
    for (const auto& due : {world.next_due(), store.next_due(), cluster.next_due()})
      if (due) next = next ? std::min(*next, *due) : *due;
    if (next) pass(*next - world.now());
    return next.has_value();
  }

  bool step() {
    if (chance.below(8) == 0) pass(chance.up_to(Duration(4)));
    if (!world.step()) return false;
    cluster.after_message();
    return true;
  }

  SimulationOptions options;
  Trace trace;
  Random chance;
  World world;
  WorldClock clock;
  SimulatedStore store;
  Cluster cluster;
  bool begun = false;
};

Simulation::Simulation(SimulationOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Simulation::~Simulation() = default;

void Simulation::add(const Service& service, std::uint32_t partitions) {
  auto runtime = std::make_shared<const ServiceRuntime>(service, impl_->options.runtime);
  const auto known = impl_->store.topics().value();
  for (const auto& topic : runtime->topic_specs(partitions))
    if (std::none_of(known.begin(), known.end(), [&](const auto& k) { return k.name == topic.name; }))
      impl_->store.ensure_topics({topic}).value();
  impl_->cluster.add(std::move(runtime), partitions);
}

SimulatedStore& Simulation::store() { return impl_->store; }
Random& Simulation::chance() { return impl_->chance; }
void Simulation::spend(Duration time) { impl_->world.spend(time); }
MonotonicTime Simulation::now() const { return impl_->world.now(); }
Trace& Simulation::trace() { return impl_->trace; }

bool Simulation::ask(const std::string& service, const std::string& key, std::string query,
                     std::string question, std::function<void(Result<std::string>)> answer) {
  return impl_->cluster.ask(service, {std::move(query), key, std::move(question), std::move(answer)});
}

void Simulation::run(std::size_t messages) {
  impl_->begin();
  for (std::size_t i = 0; i < messages; ++i) {
    impl_->cluster.strike();
    if (!impl_->step() && !impl_->jump()) return;
  }
}

void Simulation::heal() {
  impl_->begin();
  impl_->world.note("everything heals");
  impl_->cluster.set_faults({.down_most = impl_->options.faults.down_most});
  impl_->cluster.thaw();
}

std::optional<std::string> Simulation::settle(SettleLimits limits) {
  impl_->begin();
  const MonotonicTime deadline = now() + limits.time;
  bool calm = false;
  MonotonicTime since = now();
  std::uint64_t activity = 0;
  std::string unrest = "it has not started";
  for (std::size_t messages = 0; messages < limits.messages && now() < deadline; ++messages) {
    if (impl_->step()) continue;
    unrest = impl_->cluster.unrest();
    if (!unrest.empty()) {
      calm = false;
    } else if (!calm || activity != impl_->cluster.activity()) {
      calm = true, since = now(), activity = impl_->cluster.activity();
    } else if (now() - since >= idle_time) {
      impl_->cluster.judge_counts();
      return std::nullopt;
    }
    if (!impl_->jump())
      return unrest.empty() ? std::nullopt : std::optional(unrest + ", and nothing will happen any more");
  }
  return unrest.empty() ? "it does not come to rest" : unrest;
}

}  // namespace eventy::testing
