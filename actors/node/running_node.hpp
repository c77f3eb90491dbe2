// One node: its store, its services and their actors, from start to end. It knows no command line, no signals
// and no exit codes. The constructor, start(), stop() and the destructor belong to one thread; any thread may
// call the rest after start().
#pragma once

#include <atomic>

#include "config.hpp"
#include "eventy/node.hpp"

namespace spdlog {
class logger;
}

namespace eventy {

class RunningNode {
 public:
  // Opens the store and creates the topics. Throws Failure if the configuration does not fit the services or
  // the store.
  RunningNode(const std::vector<Service>& services, Document& document, const NodeConfig& config,
              const Adapters& adapters, std::shared_ptr<spdlog::logger> log);

  // Opens the sessions. With `idle_check` the node drains by itself once every topic is read to its end.
  void start(Duration idle_check);
  void drain(Duration within);
  bool is_draining() const { return drain_until_.load() != MonotonicTime{}; }
  // Waits at most so long until the node has drained, cannot drain or has failed: drained, handed_over,
  // not_drained or failed. nullopt: none of these. With `idle_check` it drains once the node is idle.
  std::optional<NodeState> wait_for(Duration time);
  // The same without waiting.
  std::optional<NodeState> ended();
  void on_end(std::function<void()> call) { system_->on_end(std::move(call)); }
  // Ends all actors and logs what the services did, their restarts and failures. False: some handlers do not
  // return, and only the end of the process ends them.
  [[nodiscard]] bool stop();

  std::string failure() const { return system_->failure(); }
  std::string busy_handlers() const;  // their names, for a message; empty: none runs
  std::vector<std::string> running() const;
  std::vector<ServiceCounts> counts() const { return system_->counts(); }
  const std::vector<std::shared_ptr<const ServiceRuntime>>& runtimes() const { return runtimes_; }
  const RecordStore& store() const { return *store_; }
  void ask(Question question, Queries::Answered done) { queries_->ask(std::move(question), std::move(done)); }
  ClientFigures client_figures() const { return client_->figures(); }
  Client client(const std::string& name) const { return client_->named(name); }
  const StateFormat& state_format() const { return *state_format_; }
  Duration elapsed() const;  // since the constructor

 private:
  actors::ServiceSetup setup_of(const std::shared_ptr<const ServiceRuntime>& runtime) const;
  void ensure_topics() const;
  void as_configured(const Result<void>& result) const;
  BridgeOptions bridge_options(bool is_blocking) const;
  void check_files(std::size_t services) const;
  bool is_stuck() const;
  Duration for_closing() const;
  Duration max_for_stop() const;
  void name_the_busy(Duration waited) const;
  void tell_counts() const;

  const NodeConfig& config_;
  std::shared_ptr<spdlog::logger> log_;
  SystemClock clock_;
  MonotonicTime started_ = clock_.now();
  std::shared_ptr<const StateFormat> state_format_;
  std::unique_ptr<RecordStore> store_;
  std::optional<Client> client_;
  std::unique_ptr<Queries> queries_;
  std::vector<std::shared_ptr<const ServiceRuntime>> runtimes_;
  std::vector<actors::ServiceSetup> setups_;
  std::unique_ptr<actors::NodeSystem> system_;
  std::atomic<MonotonicTime> drain_until_ = MonotonicTime{};  // zero: not draining
  std::atomic<bool> drained_is_told_ = false;
};

}  // namespace eventy
