#include "running_node.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "eventy/engine/topic_counts.hpp"
#include "eventy/store/open_files.hpp"
#include "runtimes.hpp"

namespace eventy {

namespace {

constexpr Duration max_for_stopping{10'000}, max_for_stopping_stuck{1'000};
// Fractions of the drain timeout: kept for closing the sessions; and the pause without a finished cycle after
// which finished partitions are handed over.
constexpr int share_for_closing = 4, share_until_handing_over = 4;
constexpr std::size_t max_named = 8;

// "1 retry, 2 dead letters": what did not happen is left out.
void add(std::string& out, std::uint64_t count, const char* one, const char* many) {
  if (count > 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, count == 1 ? one : many);
}

// What a service did, in words; empty: nothing.
std::string work_in_words(const actors::ServiceCounts& c) {
  std::string out;
  add(out, c.of_partitions.records, "record handled", "records handled");
  add(out, c.of_sources.records, "record from a source", "records from sources");
  add(out, c.of_bridge.cycles, "cycle committed", "cycles committed");
  add(out, c.of_bridge.aborted, "cycle aborted", "cycles aborted");
  add(out, c.of_partitions.retries, "retry", "retries");
  add(out, c.of_partitions.dead_letters + c.of_sources.dead_letters, "dead letter", "dead letters");
  add(out, c.of_partitions.parked, "record parked", "records parked");
  add(out, c.of_partitions.pauses, "pause of a partition", "pauses of partitions");
  return out;
}

// Restarts and failures in words; empty: none.
std::string failures_in_words(const actors::ServiceCounts& c) {
  std::string out;
  add(out, c.partition_restarts, "restart of a partition", "restarts of partitions");
  add(out, c.source_restarts, "restart of a source", "restarts of sources");
  add(out, c.bridge_restarts, "restart of the bridge", "restarts of the bridge");
  add(out, c.service_restarts, "restart of the service", "restarts of the service");
  add(out, c.escalations, "escalation", "escalations");
  add(out, c.slow_handlers, "slow handler", "slow handlers");
  add(out, c.stuck_handlers, "stuck handler", "stuck handlers");
  for (const auto& [error_class, count] : c.failures) out += fmt::format("; {} × {}", count, error_class);
  return out;
}

}  // namespace

// --- start ---

RunningNode::RunningNode(const std::vector<Service>& services, Document& document, const NodeConfig& config,
                         const Adapters& adapters, std::shared_ptr<spdlog::logger> log)
    : config_(config), log_(std::move(log)), state_format_(adapters.state_formats.at(config.state)) {
  runtimes_ = make_runtimes(services, config_, adapters, log_);
  store_ = make_store(document, config_, adapters, StoreAccess::sessions, log_).value();
  client_ = Client::on(*store_, runtime_options(services, config_, adapters, log_), config_.clients);
  check_files(runtimes_.size());
  queries_ = std::make_unique<Queries>(config_.queries, log_);
  ensure_topics();
  std::string names;
  for (const auto& runtime : runtimes_) {
    setups_.push_back(setup_of(runtime));
    names += (names.empty() ? "" : ", ") + runtime->plan().name;
  }
  log_->info("node {}: running {} on the {} store", config_.id, names, config_.store_type);
}

actors::ServiceSetup RunningNode::setup_of(const std::shared_ptr<const ServiceRuntime>& runtime) const {
  SessionOptions session = runtime->session_options(config_.id);
  session.cycle_interval = config_.commit_interval;
  const std::string& name = runtime->plan().name;
  const bool is_blocking = runtime->plan().is_blocking || config_.blocking.contains(name);
  BridgeOptions bridge = bridge_options(is_blocking);
  bridge.views = std::make_shared<CommittedViews>();
  queries_->add(runtime, bridge.views);
  return {.runtime = runtime,
          .open_session = [store = store_.get(), session] { return store->open_session(session); },
          .bridge = std::move(bridge),
          .supervision = config_.supervision_of(name).parts,
          .turns = config_.supervision_of(name).turns,
          .is_blocking = is_blocking};
}

// Topics that exist are taken as they are. Another node may create the same ones meanwhile, by the same
// rules.
void RunningNode::ensure_topics() const {
  const auto existing = store_->topics();
  if (!existing) throw Failure(existing.error());
  const auto specs = topics_of(runtimes_, *existing, config_.partitions);
  if (!specs) return as_configured(specs.error());
  as_configured(store_->ensure_topics(*specs));
}

// What the store reports as its caller's mistake is one of the configuration here: a topic has another
// partition count, or a name that the store does not accept.
void RunningNode::as_configured(const Result<void>& result) const {
  if (result) return;
  Error error = result.error();
  if (error.code == ErrorCode::invalid_argument)
    error = {ErrorCode::configuration,
             fmt::format("{} (configured: [topics] partitions = {})", error.message, config_.partitions)};
  throw Failure(std::move(error));
}

BridgeOptions RunningNode::bridge_options(bool is_blocking) const {
  BridgeOptions options = config_.bridge_options();
  options.hands_over_all = !is_blocking;
  // A store that only one node can open has no other owner of its partitions.
  if (store_->features().multiple_members)
    options.hand_over_after = config_.drain_timeout / share_until_handing_over;
  return options;
}

// Checks for the files of the sessions and of the local copies of states, which are opened later.
void RunningNode::check_files(std::size_t services) const {
  const std::uint64_t each = store_->features().files_per_session;
  if (each > 0) check_open_files(services * each + min_cached_files, "node " + config_.id).value();
}

void RunningNode::start(Duration idle_check) {
  system_ = std::make_unique<actors::NodeSystem>(
      actors::NodeSystem::Options{
          .threads = config_.threads, .idle_check = idle_check, .supervision = config_.node_supervision},
      clock_);
  as_configured(system_->start(std::move(setups_)));
}

// --- end ---

void RunningNode::drain(Duration within) {
  drain_until_ = clock_.now() + within;
  system_->drain();
}

std::optional<NodeState> RunningNode::wait_for(Duration time) {
  const MonotonicTime until = clock_.now() + time;
  for (;;) {
    if (const auto end = ended()) return end;
    const auto left = std::chrono::ceil<Duration>(until - clock_.now());
    if (left <= Duration{0}) return {};
    // drain() may be called meanwhile, and has a deadline of its own.
    const Duration step = std::min(left, config_.progress_interval);
    if (is_draining()) {
      (void)system_->wait_until_drained(step);
    } else if (system_->wait_for(step) == actors::NodeState::idle) {
      log_->info("idle: every topic is read to its end");
      drain(config_.drain_timeout);
    }
  }
}

// Not drained: early enough to close the sessions within the drain timeout.
std::optional<NodeState> RunningNode::ended() {
  switch (system_->wait_for({})) {
    case actors::NodeState::failed:
      return NodeState::failed;
    case actors::NodeState::drained:
      if (!drained_is_told_.exchange(true)) log_->info("drained: all work is committed");
      return NodeState::drained;
    case actors::NodeState::handed_over:
      return NodeState::handed_over;
    default:
      if (is_draining() && clock_.now() > drain_until_.load() - for_closing()) return NodeState::not_drained;
      return {};
  }
}

bool RunningNode::stop() {
  (void)client_->close(for_closing());
  const bool no_query_runs = queries_->close(for_closing());
  const Duration most = max_for_stop();
  const bool all_ended = system_->stop(most) && no_query_runs;
  if (!all_ended) name_the_busy(most);
  tell_counts();
  return all_ended;
}

Duration RunningNode::for_closing() const {
  return std::min(max_for_stopping_stuck, config_.drain_timeout / share_for_closing);
}

// Stuck handlers do not end; the others get a moment to end in order.
Duration RunningNode::max_for_stop() const {
  if (is_stuck() || system_->wait_for({}) == actors::NodeState::handed_over) return for_closing();
  const MonotonicTime until = drain_until_;
  if (until == MonotonicTime{}) return max_for_stopping;
  const auto left = std::chrono::duration_cast<Duration>(until - clock_.now());
  return std::clamp(left, for_closing(), std::max(for_closing(), max_for_stopping));
}

bool RunningNode::is_stuck() const {
  const auto counts = system_->counts();
  return std::any_of(counts.begin(), counts.end(), [](const auto& c) { return c.stuck_handlers > 0; });
}

// --- reports ---

void RunningNode::name_the_busy(Duration waited) const {
  const auto names = busy_handlers();
  if (names.empty()) {
    log_->error("the sessions with the store are not closed after {} ms: ending without closing them",
                waited.count());
  } else {
    log_->error("still running after {} ms: {}; ending without waiting for it", waited.count(), names);
  }
}

std::vector<std::string> RunningNode::running() const {
  auto all = system_->running();
  for (auto& query : queries_->running()) all.push_back(std::move(query));
  return all;
}

std::string RunningNode::busy_handlers() const {
  const auto all = running();
  std::string names;
  for (std::size_t i = 0; i < std::min(all.size(), max_named); ++i) names += (i == 0 ? "" : "; ") + all[i];
  if (all.size() > max_named) names += fmt::format("; and {} more", all.size() - max_named);
  return names;
}

void RunningNode::tell_counts() const {
  for (const auto& counts : system_->counts())
    for (const auto& line : {work_in_words(counts), failures_in_words(counts)})
      if (!line.empty()) log_->info("service {}: {}", counts.service, line);
}

Duration RunningNode::elapsed() const {
  return std::chrono::duration_cast<Duration>(clock_.now() - started_);
}

}  // namespace eventy
