// The nodes of a simulation: starts, stops, kills, freezes and expires them, and checks what their actors do,
// so that mistakes are found even if the outputs are right.
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
  // Unfreezes all nodes.
  void thaw();
  void end();  // kills all running nodes

  void strike();         // may inject a fault between two messages
  void after_message();  // handles what became of the nodes
  // The store calls it during a call of a node; it may throw, to kill the node there.
  void in_a_call();

  void run_due();
  std::optional<MonotonicTime> next_due() const;

  // Why the cluster is not at rest; empty: it is. Asks all nodes, which takes no virtual time.
  std::string unrest();
  std::uint64_t activity() const { return activity_; }  // of the last unrest()
  // False: no node runs the partition of the key.
  bool ask(const std::string& service, actors::msg::Query query);
  // Checks that the restarts and failures that nodes have counted did happen.
  void judge_counts();

  const std::vector<std::shared_ptr<const ServiceRuntime>>& services() const { return services_; }

 private:
  struct Ended {  // actors that failed or were told to end
    std::uint64_t partitions = 0, sources = 0, bridges = 0, supervisors = 0;
    std::uint64_t failed = 0;  // of the first three
  };
  struct Node {
    std::string name;
    std::unique_ptr<SimulatedNode> process = {};  // null: the node is down
    std::shared_ptr<actors::Board> board = {};
    enum class Phase : std::uint8_t { runs, drains, ends } phase = Phase::runs;
    std::size_t starts = 0;
    std::map<std::size_t, Ended> ended = {};  // by service, since the node started
    std::set<std::size_t> drained = {};       // services whose bridge has reported Drained
  };
  void at(MonotonicTime::duration wait, std::function<void()> what);
  // Like at(), but does nothing if the node was started again meanwhile.
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

  // Observers of new actors and of letters.
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
