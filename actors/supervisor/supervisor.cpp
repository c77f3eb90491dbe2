#include "supervisor.hpp"

#include <spdlog/spdlog.h>

#include "../bridge/bridge.hpp"
#include "../failure.hpp"
#include "../partition/partition.hpp"
#include "../partition/source.hpp"

namespace eventy::actors {

namespace {

std::string name_of(const ServiceRuntime& runtime, Lane lane) {
  if (lane.is_source()) return "source " + runtime.plan().sources.at(lane.source).name;
  return "partition " + std::to_string(lane.partition.value);
}

}  // namespace

caf::behavior supervisor(caf::stateful_actor<SupervisorState>* self, const SupervisorSetup& setup) {
  return self->state.begin(setup);
}

caf::behavior SupervisorState::begin(SupervisorSetup setup) {
  setup_ = std::move(setup);
  policy_ = RestartPolicy(setup_.service->restarts);
  keep_text_of_exceptions(self_);
  self_->set_down_handler([this](const caf::down_msg& m) { child_is_down(m); });
  start_bridge();
  return {
      [this](const msg::StartLane& m) { start_lane(m); },
      [this](const msg::StopLane& m) { stop_lane(m.lane); },
      [this](const msg::RestartLane& m) {
        if (m.generation == generation_ && bridge_) self_->send(bridge_, msg::StartAgain{m.lane});
      },
      [this](const msg::RestartBridge& m) {
        bridge_is_due_ = m.generation == generation_;
        after_closing();
      },
      [this](const msg::Drain&) { drain(); },
      [this](const msg::Drained&) { self_->send(setup_.root, msg::ServiceDrained{setup_.service_number}); },
      [this](const msg::AskStatus& m) { ask_status(m); },
      [this](const msg::Stop&) { stop(); },
  };
}

// --- starting ---

void SupervisorState::start_bridge() {
  const BridgeSetup setup{setup_.service, setup_.clock, caf::actor_cast<caf::actor>(self_)};
  bridge_ = setup_.service->bridge_and_sources == Placement::own_thread
                ? self_->spawn<caf::detached>(bridge, setup)
                : self_->spawn(bridge, setup);
  self_->monitor(bridge_);
  if (draining_) self_->send(bridge_, msg::Drain{});
}

void SupervisorState::start_lane(const msg::StartLane& m) {
  if (stopping_ || caf::actor_cast<caf::actor>(self_->current_sender()) != bridge_)
    return;  // of a bridge that has failed since
  stop_lane(m.lane);
  const caf::actor lane = spawn_lane(m);
  self_->monitor(lane);
  lanes_[m.lane] = lane;
  self_->send(bridge_, msg::LaneStarted{m.lane, m.epoch, lane});
}

caf::actor SupervisorState::spawn_lane(const msg::StartLane& m) {
  const ServiceSetup& service = *setup_.service;
  const LaneSetup setup{m.lane,
                        m.epoch,
                        m.routes,
                        m.state,
                        setup_.clock,
                        bridge_,
                        service.source_slices_in_flight,
                        service.source_records_per_look};
  if (m.lane.is_source())
    return service.bridge_and_sources == Placement::own_thread ? self_->spawn<caf::detached>(source, setup)
                                                               : self_->spawn(source, setup);
  return service.partitions == Placement::own_thread ? self_->spawn<caf::detached>(partition, setup)
                                                     : self_->spawn(partition, setup);
}

// --- ending ---

void SupervisorState::stop_lane(Lane lane) {
  const auto it = lanes_.find(lane);
  if (it == lanes_.end()) return;
  close(it->second);
  lanes_.erase(it);
}

void SupervisorState::close(const caf::actor& child) {
  closing_.insert(child.address());
  self_->send_exit(child, caf::exit_reason::user_shutdown);
}

void SupervisorState::stop() {
  stopping_ = true;
  ++generation_;
  for (const auto& lane : lanes_) close(lane.second);
  lanes_.clear();
  if (bridge_) close(std::exchange(bridge_, {}));
  after_closing();
}

// What had to wait until children were really gone: the end, or a new bridge.
void SupervisorState::after_closing() {
  if (!closing_.empty()) return;
  if (stopping_) {
    if (const auto& log = setup_.service->runtime->options().log; log && restarts_ > 0)
      log->info("service {}: {} restarts in all", setup_.service->runtime->plan().name, restarts_);
    self_->quit();
  } else if (std::exchange(bridge_is_due_, false)) {
    start_bridge();
  }
}

// --- failures ---

void SupervisorState::child_is_down(const caf::down_msg& m) {
  if (closing_.erase(m.source) > 0) return after_closing();
  if (bridge_ && m.source == bridge_.address()) return bridge_failed(m.reason);
  for (const auto& [lane, handle] : lanes_)
    if (m.source == handle.address()) return lane_failed(Lane(lane), m.reason);
}

void SupervisorState::lane_failed(Lane lane, const caf::error& reason) {
  lanes_.erase(lane);
  // A fenced lane is no twin's doing: its partition has just moved to another node.
  auto code = code_of(reason);
  if (code == ErrorCode::fenced) code.reset();
  const auto wait = backoff(name_of(*setup_.service->runtime, lane), reason, code);
  if (!wait) return;
  self_->send(bridge_, msg::LaneDown{lane});
  self_->delayed_send(self_, *wait, msg::RestartLane{lane, generation_});
}

void SupervisorState::bridge_failed(const caf::error& reason) {
  bridge_ = {};
  ++generation_;
  for (const auto& lane : lanes_) close(lane.second);
  lanes_.clear();
  if (const auto wait = backoff("bridge", reason, code_of(reason)))
    self_->delayed_send(self_, *wait, msg::RestartBridge{generation_});
}

// How long to wait before the next try; nullopt: this service has given up.
std::optional<Duration> SupervisorState::backoff(const std::string& what, const caf::error& reason,
                                                 std::optional<ErrorCode> code) {
  const auto& runtime = *setup_.service->runtime;
  const auto& restarts = setup_.service->restarts;
  const std::string text = text_of(reason);
  const auto [verdict, wait] = policy_.failed(setup_.clock->now(), code);
  switch (verdict) {
    case RestartPolicy::Verdict::restart:
      ++restarts_;
      if (const auto& log = runtime.options().log)
        log->error("service {}: {} failed: {}; starting it again in {} ms ({} of {} restarts within {} ms)",
                   runtime.plan().name, what, text, wait.count(), policy_.recent(), restarts.intensity,
                   restarts.period.count());
      return wait;
    case RestartPolicy::Verdict::too_many:
      give_up(what + " failed once more after " + std::to_string(policy_.recent() - 1) + " restarts within " +
              std::to_string(restarts.period.count()) + " ms, giving up: " + text);
      break;
    case RestartPolicy::Verdict::is_final:
      give_up(what + " failed, and no restart can heal it: " + text);
      break;
    case RestartPolicy::Verdict::has_twin:
      give_up(what + " was fenced twice within " + std::to_string(restarts.twin.count()) +
              " ms: does another process run with the same [node] id? " + text);
      break;
  }
  return std::nullopt;
}

void SupervisorState::give_up(const std::string& why) {
  for (const auto& lane : lanes_) self_->send_exit(lane.second, caf::exit_reason::user_shutdown);
  if (bridge_) self_->send_exit(bridge_, caf::exit_reason::user_shutdown);
  self_->quit(make_failure("service " + setup_.service->runtime->plan().name + ": " + why));
}

// --- questions and orders ---

void SupervisorState::drain() {
  draining_ = true;
  if (bridge_) self_->send(bridge_, msg::Drain{});
}

void SupervisorState::ask_status(const msg::AskStatus& m) {
  if (bridge_) {
    self_->send(bridge_, m);
  } else {
    self_->send(m.asker, msg::Status{m.service, m.round, false, 0});
  }
}

}  // namespace eventy::actors
