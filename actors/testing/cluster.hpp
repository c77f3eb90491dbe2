// The nodes of a simulation: started, stopped, killed, frozen, given up by their store, and watched, so that
// what their actors get wrong is found although the outputs may be right.
#pragma once

#include "eventy/testing/simulation.hpp"
#include "simulated_node.hpp"

namespace eventy::testing {

class Cluster {
 public:
  Cluster(const SimulationOptions& options, World& world, SimulatedStore& store);

  void add(std::shared_ptr<const ServiceRuntime> service, std::uint32_t partitions);
  void start_all();
  void set_faults(const SimulationFaults& faults);
  // No node is frozen any more.
  void thaw();
  void end();  // kills what runs

  void strike();         // faults between two messages
  void after_message();  // what has become of the nodes
  // Called by the store within a call of a node.
  void in_a_call();

  void run_due();
  std::optional<MonotonicTime> next_due() const;

  // What keeps the cluster from being at rest; empty: nothing. Asks all nodes, which takes no time.
  std::string unrest();
  std::uint64_t activity() const { return activity_; }  // of the last unrest()
  // False: no node runs the partition of the key.
  bool ask(const std::string& service, actors::msg::Query query);
  // That what the nodes have counted of restarts and failures happened.
  void judge_counts();

  const std::vector<std::shared_ptr<const ServiceRuntime>>& services() const { return services_; }

 private:
  struct Ended {  // actors that failed or were told to end
    std::uint64_t partitions = 0, sources = 0, bridges = 0, supervisors = 0;
    std::uint64_t failed = 0;  // of the first three
  };
  struct Node {
    std::string name;
    std::unique_ptr<SimulatedNode> process = {};  // null: it is down
    std::shared_ptr<actors::Board> board = {};
    enum class Phase : std::uint8_t { runs, drains, ends } phase = Phase::runs;
    std::size_t starts = 0;
    std::map<std::size_t, Ended> ended = {};  // by service, since the start
    std::set<std::size_t> drained = {};       // services whose bridge has said so
  };
  void at(MonotonicTime::duration wait, std::function<void()> what);
  // … unless the node has been started again since.
  void at_this_start(std::uint32_t n, MonotonicTime::duration wait, std::function<void()> what);
  void start(std::uint32_t n);
  std::shared_ptr<const actors::ServiceSetup> setup_of(std::uint32_t n, std::size_t s);
  Result<std::unique_ptr<StoreSession>> open_session(std::uint32_t n, std::size_t s);
  void die(std::uint32_t n);
  void crash_sessions(const Node& node);
  void gone(std::uint32_t n);
  void begin_to_stop(std::uint32_t n);
  void stop(std::uint32_t n);
  void expire(std::uint32_t n);
  void freeze(std::uint32_t n);
  void set_clock(std::uint32_t n);
  void check_node(std::uint32_t n);
  void judge_counts(const Node& node);
  std::vector<actors::msg::Status> ask_all(Node& node);
  Node* node_of(const SimulatedNode* process);
  void wrong(const std::string& what) { world_.trace().fired(std::string(defect) + what); }

  // What starts and letters tell of the actors.
  void born(const SimulatedNode& process, const actors::Role& role);
  void sent(actors::ActorId to, const actors::Letter& letter);
  void has_failed(const World::Known& child, const actors::EndReason& reason);
  Ended* ended(const World::Known& child);
  void restarts_bridge(actors::ActorId supervisor);

  const SimulationOptions& options_;
  World& world_;
  SimulatedStore& store_;
  SimulationFaults faults_;
  std::vector<std::shared_ptr<const ServiceRuntime>> services_;
  std::vector<std::uint32_t> partitions_;  // of each
  std::vector<Node> nodes_;
  std::multimap<MonotonicTime, std::function<void()>> agenda_;
  std::map<actors::ActorId, actors::Role::Kind> last_down_;  // by supervisor
  std::set<actors::ActorId> told_to_end_;
  std::uint64_t round_ = 0, activity_ = 0;
};

}  // namespace eventy::testing
