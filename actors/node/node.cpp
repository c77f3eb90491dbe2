#include "eventy/node.hpp"

#include <atomic>
#include <mutex>

#include "eventy/engine/failure_class.hpp"
#include "log.hpp"
#include "running_node.hpp"
#include "runtimes.hpp"

namespace eventy {

std::string_view to_string(NodeState state) {
  switch (state) {
    case NodeState::created:
      return "created";
    case NodeState::running:
      return "running";
    case NodeState::draining:
      return "draining";
    case NodeState::drained:
      return "drained";
    case NodeState::handed_over:
      return "handed over";
    case NodeState::not_drained:
      return "not drained";
    case NodeState::failed:
      return "failed";
    case NodeState::stopped:
      return "stopped";
  }
  return "unknown";
}

namespace {
constexpr Duration idle_check{20};
}

struct Node::Impl {
  explicit Impl(NodeSetup given) : setup(std::move(given)) {}

  NodeSetup setup;
  std::optional<Configured> configured = {};
  std::shared_ptr<spdlog::logger> log = {};
  std::unique_ptr<RunningNode> node = {};
  mutable std::mutex mutex = {};  // guards `stopped_as` and the calls that stop() ends
  std::optional<NodeEnd> stopped_as = {};
  bool all_ended = true;  // as stop() has found
  std::atomic<Duration> drain_within = Duration{0};

  void start() {
    configured.emplace(setup.config, setup.adapters, setup.sections);
    const NodeConfig& config = configured->config;
    drain_within = config.drain_timeout;
    log = setup.log ? setup.log : make_log(config.log);
    auto made =
        std::make_unique<RunningNode>(setup.services, configured->document, config, setup.adapters, log);
    made->start(setup.drains_when_idle ? idle_check : Duration{0});
    node = std::move(made);
  }
  NodeEnd end_as(NodeState how) const {
    switch (how) {
      case NodeState::failed:
        return {how, node->failure()};
      case NodeState::handed_over:
        return {
            how,
            "not all is drained: the work of handlers that do not return is aborted and redone by the next "
            "owner" +
                busy()};
      case NodeState::not_drained:
        return {how,
                "not drained within " + std::to_string(drain_within.load().count()) +
                    " ms: ending without committing the work in progress; it is redone after the next start" +
                    busy()};
      default:
        return {how, {}};
    }
  }
  std::string busy() const {
    const auto names = node->busy_handlers();
    return names.empty() ? "" : ". Still running: " + names;
  }
  void drain(Duration within) {
    drain_within = within;
    node->drain(within);
  }
  RunningNode& started() const {
    if (!node) throw Failure({ErrorCode::closed, "this node has not been started"});
    return *node;
  }
};

Node::Node(NodeSetup setup) : impl_(std::make_shared<Impl>(std::move(setup))) {}

Node::~Node() { (void)stop(); }

Result<void> Node::start() {
  if (impl_->node) return Error{ErrorCode::invalid_argument, "a node is started once"};
  try {
    impl_->start();
  } catch (const Failure& e) {
    return e.error();
  } catch (const std::invalid_argument& e) {
    return Error{ErrorCode::configuration, e.what()};
  } catch (...) {
    return Error{ErrorCode::internal, describe(std::current_exception()).reason};
  }
  return {};
}

void Node::drain() {
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->stopped_as && !impl_->started().is_draining())
    impl_->drain(impl_->configured->config.drain_timeout);
}

NodeEnd Node::wait() {
  for (;;)
    if (auto end = wait_for(Duration(1'000))) return *std::move(end);
}

std::optional<NodeEnd> Node::wait_for(Duration time) {
  const auto how = impl_->started().wait_for(time);
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->stopped_as) return impl_->stopped_as;
  }
  return how ? std::optional(impl_->end_as(*how)) : std::nullopt;
}

bool Node::stop(NodeStop options) {
  if (!impl_->node) return true;
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->stopped_as) return impl_->all_ended;
    if (!impl_->node->ended()) impl_->drain(options.within.value_or(impl_->configured->config.drain_timeout));
  }
  NodeEnd end = wait();
  const bool all_ended = impl_->node->stop();
  impl_->log->flush();
  const std::lock_guard lock(impl_->mutex);
  impl_->stopped_as = std::move(end);
  impl_->all_ended = all_ended;
  if (!all_ended) new std::shared_ptr<Impl>(impl_);  // the threads that still run use it
  return all_ended;
}

NodeState Node::state() const {
  if (!impl_->node) return NodeState::created;
  const std::lock_guard lock(impl_->mutex);
  if (impl_->stopped_as) return NodeState::stopped;
  if (const auto end = impl_->node->ended()) return *end;
  return impl_->node->is_draining() ? NodeState::draining : NodeState::running;
}

void Node::on_end(std::function<void(const NodeEnd&)> call) {
  impl_->started().on_end([impl = impl_.get(), call = std::move(call)] {
    if (const auto how = impl->node->ended()) call(impl->end_as(*how));
  });
}

NodeFigures Node::figures() const { return {impl_->started().counts(), impl_->started().client_figures()}; }
std::vector<std::string> Node::running_handlers() const { return impl_->started().running(); }
const RecordStore& Node::store() const { return impl_->started().store(); }
const StateFormat& Node::state_format() const { return impl_->started().state_format(); }
void Node::ask_raw(Question question, Queries::Answered done) const {
  impl_->started().ask(std::move(question), std::move(done));
}

Client Node::client(const std::string& name) const { return impl_->started().client(name); }
Duration Node::elapsed() const { return impl_->started().elapsed(); }

const ServiceRuntime& Node::runtime(const std::string& name) const {
  return runtime_named(name, impl_->started().runtimes());
}

Result<Client> open_client(const Config& config, ClientOptions options, const Adapters& adapters) {
  try {
    Configured configured(config, adapters, {});
    auto log = make_log(configured.config.log);
    std::shared_ptr<RecordStore> store =
        make_store(configured.document, configured.config, adapters, StoreAccess::read_write, log).value();
    return Client::on(std::move(store), runtime_options({}, configured.config, adapters, std::move(log)),
                      std::move(options));
  } catch (const Failure& e) {
    return e.error();
  } catch (const std::invalid_argument& e) {
    return Error{ErrorCode::configuration, e.what()};
  }
}

}  // namespace eventy
