// One node: its store, its services and their actors, from start to end. It knows no command line, no signals
// and no exit codes. The constructor, start(), wait(), stop() and the destructor belong to one thread; any
// thread may call the rest.
#pragma once

#include <atomic>

#include "config.hpp"

namespace spdlog {
class logger;
}

namespace eventy {

class RunningNode {
 public:
  enum class End : std::uint8_t {
    drained,      // all work in progress is committed
    handed_over,  // the work of handlers that did not return is aborted; the next owner redoes it
    not_drained,  // the drain timeout has passed; uncommitted work is redone after the next start
    failed        // a service gave up: see failure()
  };

  // Opens the store and creates the topics. Throws Failure if the configuration does not fit the services or
  // the store.
  RunningNode(const std::vector<Service>& services, Document& document, const NodeConfig& config,
              const Adapters& adapters, std::shared_ptr<spdlog::logger> log);

  // Opens the sessions. With `idle_check` the node drains by itself once every topic is read to its end.
  void start(Duration idle_check);
  void drain();
  // Returns when the node has drained, cannot drain or has failed. Calls `progress` at the configured
  // interval, with true once everything is drained.
  End wait(const std::function<void(bool last)>& progress);
  // Ends all actors and logs what the services did, their restarts and failures. False: some handlers do not
  // return, and only the end of the process ends them.
  [[nodiscard]] bool stop();

  std::string failure() const { return system_->failure(); }
  std::string busy_handlers() const;  // their names, for a message; empty: none runs
  const RecordStore& store() const { return *store_; }
  const StateFormat& state_format() const { return *state_format_; }
  Duration elapsed() const;  // since the constructor

 private:
  actors::ServiceSetup setup_of(const std::shared_ptr<const ServiceRuntime>& runtime) const;
  void as_configured(const Result<void>& result) const;
  BridgeOptions bridge_options(bool is_blocking) const;
  void check_files(std::size_t services) const;
  End wait_until_drained(const std::function<void(bool last)>& progress);
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
  std::vector<actors::ServiceSetup> setups_;
  std::unique_ptr<actors::NodeSystem> system_;
  std::atomic<MonotonicTime> drain_until_ = MonotonicTime{};  // zero: not draining
};

}  // namespace eventy
