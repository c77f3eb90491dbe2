// The actors of one process: for each service a supervisor with a bridge and its tasks, and a root above
// them. Hides CAF. start() and the destructor belong to one thread; the rest may be called from any.
//
// What fails below is started again by the service's supervisor, from committed state; when that happens too
// often, the root starts the service again, if it may, or gives up and wait_for() says `failed`: the process
// is to end.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "eventy/engine/bridge_engine.hpp"
#include "eventy/engine/supervision.hpp"
#include "eventy/engine/watchdog.hpp"

namespace eventy::actors {

struct ServiceSetup {
  std::shared_ptr<const ServiceRuntime> runtime;
  std::function<Result<std::unique_ptr<StoreSession>>()>
      open_session;  // called again after each failed bridge
  BridgeOptions bridge = {};
  SupervisionOptions supervision = {};      // of its bridge, sources and partitions
  TurnLimits turns = {};                    // of its handlers
  std::size_t source_slices_in_flight = 4;  // how far a source may be ahead of its commits
  std::size_t source_records_per_poll = 1000;
  // Its handlers wait: each partition has a thread of its own, so that one that waits holds nothing else.
  bool is_blocking = false;
};

enum class NodeState : std::uint8_t {
  running,
  idle,         // every topic is read to its end and committed, every source waits; may change again
  drained,      // everything in hand is committed, nothing more is taken
  handed_over,  // as drained, but some handlers have not returned: what they do is undone and done again
  failed        // a supervisor gave up; failure() says why
};

// What has happened to the parts of a service since the node started.
struct ServiceCounts {
  std::string service = {};
  // Parts that were started again; the parts of a bridge or of a service that was are not counted besides.
  std::uint64_t partitions = 0, sources = 0, bridges = 0, services = 0;
  std::uint64_t escalations = 0;                       // its supervisor gave up
  std::uint64_t stuck_handlers = 0, over_limit = 0;    // that took longer than the warning, than the limit
  std::map<std::string, std::uint64_t> failures = {};  // of its parts, by class of error
};

class NodeSystem {
 public:
  struct Options {
    std::size_t threads = 0;  // of the scheduler; 0: one a core
    Duration idle_check{0};   // how often to check whether everything is idle; 0: never
    // Of the services. Without restarts a service that gives up is the failure of the node.
    SupervisionOptions supervision = {.restarts = {.intensity = 0}};
  };
  NodeSystem(Options options, const Clock& clock);
  ~NodeSystem();  // stops; waits for all actors
  NodeSystem(const NodeSystem&) = delete;
  NodeSystem& operator=(const NodeSystem&) = delete;

  // Opens the first session of each service, so that what is wrong from the beginning is an error here.
  Result<void> start(std::vector<ServiceSetup> services);
  void drain();
  // Waits until the state is another one than `running`, at most that long.
  NodeState wait_for(Duration time);
  // Waits until everything is drained, handed over or failed, at most that long.
  NodeState wait_until_drained(Duration time);
  std::string failure() const;
  std::vector<ServiceCounts> counts() const;  // of each service
  // The handlers, sources and queries that run at this moment: service, partition and record of each.
  std::vector<std::string> running() const;
  // Ends all actors. False: some are still busy after that time, and only the end of the process ends them.
  // At most once, and nothing but failure(), counts(), running() and the destructor after it.
  [[nodiscard]] bool stop(Duration within);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace eventy::actors
