// Runs services on a simulated cluster in virtual time: the actors of a real node, scheduled by a seed, on a
// store that misbehaves. The same seed does the same, so what it finds can be run again. One thread.
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
  double die_in_call = 0;      // a process dies in a call of the store
  double die = 0;              // … between two messages, as the others here; of each message
  double freeze = 0;           // a node stands still, and may lose its partitions before it notices
  double stop = 0;             // a node is stopped in good order, and started again
  double move_partition = 0;   // to any node
  double lose_partition = 0;   // all partitions of a node are lost and given anew
  double set_clock = 0;        // somebody sets the date of a node
  double crash_task = 0;       // of each message to a task: an exception out of its step
  Duration down_most{20'000};  // until a node that died is started again
  Duration frozen_most{30'000};
  Duration clock_most{7'200'000};  // by which a date is set forward or back
};

// To take something out of the simulation, and see that a test notices.
struct SimulationHooks {
  std::function<std::unique_ptr<StoreSession>(std::unique_ptr<StoreSession>, const SessionOptions&)> session =
      {};
  // Sends a letter to an actor that takes it; now or, when the hook has kept a copy of `send`, later.
  using Send = std::function<void(actors::ActorId to, actors::Letter letter)>;
  // Before a message is delivered, which it may change. False: it is lost, unless it is sent again.
  std::function<bool(actors::ActorId to, actors::Letter& letter, const Send& send)> deliver = {};
};

struct SimulationOptions {
  std::uint64_t seed = 1;
  std::uint32_t nodes = 1;      // each runs all services
  RuntimeOptions runtime = {};  // without a serializer and a state format: those of plain_format.hpp
  BridgeOptions bridge = {};
  SupervisionOptions supervision = {};
  SupervisionOptions services = {.restarts = {.intensity = 0}};  // of the services of a node
  Duration idle_check{0};  // how often a node checks whether everything is idle; 0: never
  std::size_t source_slices_in_flight = 4, source_records_per_poll = 1000;
  Duration session_timeout{10'000};
  SimulationFaults faults = {};
  SimulationHooks hooks = {};
  std::function<void(std::string_view)> listen = {};  // to each line of the trace
};

// Among what fired: a failure that no fault explains begins so.
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

  // Before the first step. Topics that exist keep their partition counts.
  void add(const Service& service, std::uint32_t partitions);
  SimulatedStore& store();
  Chance& chance();

  void run(std::size_t messages);
  void heal();
  // Goes on until nothing is left to do; nullopt: it came to that within the limits, else what is left.
  std::optional<std::string> settle(SettleLimits limits = {});

  // Asks the partition that owns the key, on whatever node; the bytes are in the services' state format. Its
  // answer comes while the simulation goes on, or never if it ends first. False: nobody owns the key now.
  bool ask(const std::string& service, const std::string& key, std::string query, std::string question,
           std::function<void(Result<std::string>)> answer);

  // For handlers and sources: this one takes so long.
  void spend(Duration time);
  MonotonicTime now() const;
  Trace& trace();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace eventy::testing
