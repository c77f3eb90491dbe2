// Runs services on a simulated cluster in virtual time: the actors of a real node, scheduled by a seed, on a
// store that fails. The same seed repeats the same run, so a failure can be reproduced. One thread.
//
//   Simulation sim({.seed = 7, .nodes = 2, .faults = {…}});
//   sim.add(counter(), 4);
//   sim.store().append("web-events", …);
//   sim.run(5'000);              // messages, with faults in between
//   sim.heal();                  // no more faults; what is down comes back
//   auto problem = sim.settle(); // until nothing is left to do
//   … look at sim.store(): topics, positions, states
#pragma once

#include "eventy/actors/messages.hpp"
#include "eventy/engine/bridge_engine.hpp"
#include "eventy/engine/supervision.hpp"
#include "eventy/service/plan.hpp"
#include "eventy/testing/simulated_store.hpp"

namespace eventy::testing {

// Probabilities from 0 to 1.
struct SimulationFaults {
  StoreFaults store = {};
  double die_in_call = 0;      // a process dies during a call of the store
  double die = 0;              // a process dies between two messages; as for the next faults, per message
  double freeze = 0;           // a node is frozen, and may lose its partitions before it notices
  double stop = 0;             // a node is stopped in order and started again
  double move_partition = 0;   // a partition moves to any node
  double lose_partition = 0;   // all partitions of a node are lost and reassigned
  double set_clock = 0;        // the date of a node is set
  double crash_task = 0;       // per message to a task: its handler throws
  Duration down_most{20'000};  // until a node that died is started again
  Duration frozen_most{30'000};
  Duration clock_most{7'200'000};  // the most that a date is set forward or back
};

// For tests that break something on purpose, to see that another test notices.
struct SimulationHooks {
  std::function<std::unique_ptr<StoreSession>(std::unique_ptr<StoreSession>, const SessionOptions&)> session =
      {};
  // Sends a letter to an actor that takes it: now or, if the hook keeps a copy of `send`, later.
  using Send = std::function<void(actors::ActorId to, actors::Letter letter)>;
  // Called before a message is delivered; may change it. False: it is lost, unless it is sent again.
  std::function<bool(actors::ActorId to, actors::Letter& letter, const Send& send)> deliver = {};
};

struct SimulationOptions {
  std::uint64_t seed = 1;
  std::uint32_t nodes = 1;      // each runs all services
  RuntimeOptions runtime = {};  // default formats: those of plain_format.hpp
  BridgeOptions bridge = {};
  SupervisionOptions supervision = {};
  SupervisionOptions services = {.restarts = {.intensity = 0}};  // restarts of a node's services
  Duration idle_check{0};  // how often a node checks whether everything is idle; 0: never
  std::size_t source_slices_in_flight = 4, source_records_per_poll = 1000;
  Duration session_timeout{10'000};
  SimulationFaults faults = {};
  SimulationHooks hooks = {};
  std::function<void(std::string_view)> listen = {};  // gets each line of the trace
};

// Prefix of the failures in trace().fired() that no injected fault explains.
inline constexpr std::string_view defect = "a defect: ";

struct SettleLimits {
  std::size_t messages = 400'000;
  Duration time{3'600'000};
};

class Simulation {
 public:
  explicit Simulation(SimulationOptions options);
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // Call it before the first step. Topics that exist keep their partition counts.
  void add(const Service& service, std::uint32_t partitions);
  SimulatedStore& store();
  Random& chance();

  void run(std::size_t messages);
  void heal();
  // Runs until nothing is left to do. nullopt: reached within the limits; else what is left to do.
  std::optional<std::string> settle(SettleLimits limits = {});

  // Asks the partition that owns the key, on whichever node; the bytes are in the services' state format. The
  // answer arrives while the simulation runs, or never if the partition ends first. False: nobody owns the
  // key now.
  bool ask(const std::string& service, const std::string& key, std::string query, std::string question,
           std::function<void(Result<std::string>)> answer);

  // For handlers and sources: advances the time that this call takes.
  void spend(Duration time);
  MonotonicTime now() const;
  Trace& trace();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace eventy::testing
