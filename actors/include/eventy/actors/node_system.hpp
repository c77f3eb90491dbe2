// The actors of one process: for each service a supervisor with a bridge and its tasks, and a root above
// them. Hides CAF. start() and the destructor belong to one thread; any thread may call the rest.
//
// A service's supervisor restarts what fails below it, from committed state. If that happens too often, the
// root restarts the service, if it may, or gives up: wait_for() returns `failed`, and the process must end.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "eventy/engine/bridge_engine.hpp"
#include "eventy/engine/metrics.hpp"
#include "eventy/engine/supervision.hpp"
#include "eventy/engine/watchdog.hpp"

namespace eventy::actors {

struct ServiceSetup {
  std::shared_ptr<const ServiceRuntime> runtime;
  // Called again after each failed bridge.
  std::function<Result<std::unique_ptr<StoreSession>>()> open_session;
  BridgeOptions bridge = {};
  SupervisionOptions supervision = {};      // of its bridge, sources and partitions
  TurnLimits turns = {};                    // of its handlers
  std::size_t source_slices_in_flight = 4;  // uncommitted slices that a source may have
  std::size_t source_records_per_poll = 1000;
  // Its handlers may block: each partition has a thread of its own, so that a blocked one does not hold up
  // others.
  bool is_blocking = false;
};

enum class NodeState : std::uint8_t {
  running,
  idle,         // every topic is read to its end and committed, and every source waits; may change again
  drained,      // all work in progress is committed; no more is taken
  handed_over,  // as drained, but some handlers have not returned: their work is aborted and redone by the
                // next owner
  failed        // a supervisor gave up; failure() says why
};

using eventy::ServiceCounts;

class NodeSystem {
 public:
  struct Options {
    std::size_t threads = 0;  // of the scheduler; 0: one per core
    Duration idle_check{0};   // how often to check whether everything is idle; 0: never
    // For the services. Without restarts, a service that gives up is a failure of the node.
    SupervisionOptions supervision = {.restarts = {.intensity = 0}};
  };
  NodeSystem(Options options, const Clock& clock);
  ~NodeSystem();  // stops; waits for all actors
  NodeSystem(const NodeSystem&) = delete;
  NodeSystem& operator=(const NodeSystem&) = delete;

  // Opens the first session of each service, so that mistakes in the setup are returned here.
  Result<void> start(std::vector<ServiceSetup> services);
  void drain();
  // Waits until the state is not `running`, at most for `time`.
  NodeState wait_for(Duration time);
  // Waits until the state is drained, handed_over or failed, at most for `time`.
  NodeState wait_until_drained(Duration time);
  std::string failure() const;
  // Calls `call` once, when the state is drained, handed_over or failed, on an actor's thread; at once if it
  // is. It must not throw, nor wait for the node.
  void on_end(std::function<void()> call);
  std::vector<ServiceCounts> counts() const;  // of each service
  // The handlers, sources and queries that run now: the service, partition and record of each.
  std::vector<std::string> running() const;
  // Ends all actors. False: some are still busy after that time and only the end of the process ends them.
  // Call it at most once, and afterwards only failure(), counts(), running() and the destructor.
  [[nodiscard]] bool stop(Duration within);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace eventy::actors
