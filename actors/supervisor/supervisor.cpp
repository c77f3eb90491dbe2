#include "supervisor.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

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
  supervision_ = Supervision(setup_.service->supervision, Supervision::First::holds_the_others);
  keep_text_of_exceptions(self_);
  self_->set_down_handler([this](const caf::down_msg& m) { child_is_down(m); });
  start_bridge();
  return {
      [this](const msg::StartLane& m) { start_lane(m); },
      [this](const msg::StopLane& m) { stop_lane(m.lane); },
      [this](const msg::RestartLanes& m) {
        if (m.generation == generation_) due_.insert(m.lanes.begin(), m.lanes.end());
        start_due_lanes();
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
  try {
    bridge_ = setup_.service->bridge_and_sources == Placement::own_thread
                  ? self_->spawn<caf::detached>(bridge, setup)
                  : self_->spawn(bridge, setup);
  } catch (...) {  // no memory, or no thread, for it
    return bridge_failed(failure_of(std::current_exception()));
  }
  self_->monitor(bridge_);
  if (draining_) self_->send(bridge_, msg::Drain{});
}

void SupervisorState::start_lane(const msg::StartLane& m) {
  if (stopping_ || caf::actor_cast<caf::actor>(self_->current_sender()) != bridge_)
    return;  // of a bridge that has failed since
  stop_lane(m.lane);
  caf::actor lane;
  try {
    lane = spawn_lane(m);
  } catch (...) {
    return lane_failed(m.lane, failure_of(std::current_exception()));
  }
  self_->monitor(lane);
  lanes_[m.lane] = lane;
  self_->send(bridge_, msg::LaneStarted{m.lane, m.epoch, lane});
}

caf::actor SupervisorState::spawn_lane(const msg::StartLane& m) {
  const ServiceSetup& service = *setup_.service;
  const LaneSetup setup{
      m.lane,
      m.epoch,
      m.routes,
      m.state,
      setup_.clock,
      bridge_,
      service.source_slices_in_flight,
      service.source_records_per_look,
      setup_.watchdog->watch(setup_.service_number, service.runtime, m.lane, service.turns)};
  if (m.lane.is_source())
    return service.bridge_and_sources == Placement::own_thread ? self_->spawn<caf::detached>(source, setup)
                                                               : self_->spawn(source, setup);
  return service.partitions == Placement::own_thread ? self_->spawn<caf::detached>(partition, setup)
                                                     : self_->spawn(partition, setup);
}

// --- ending ---

void SupervisorState::stop_lane(Lane lane) {
  due_.erase(lane);
  const auto it = lanes_.find(lane);
  if (it == lanes_.end()) return;
  close(it->second, lane);
  lanes_.erase(it);
}

void SupervisorState::close(const caf::actor& child, std::optional<Lane> lane) {
  closing_[child.address()] = lane;
  self_->send_exit(child, caf::exit_reason::user_shutdown);
}

void SupervisorState::close_all() {
  ++generation_;
  due_.clear();
  for (const auto& [lane, handle] : lanes_) close(handle, lane);
  lanes_.clear();
  if (bridge_) close(std::exchange(bridge_, {}), {});
}

void SupervisorState::stop() {
  stopping_ = true;
  close_all();
  after_closing();
}

// What had to wait until children were really gone: the end, a new bridge, or lanes.
void SupervisorState::after_closing() {
  start_due_lanes();
  if (!closing_.empty()) return;
  if (stopping_) {
    gave_up_ ? self_->quit(*gave_up_) : self_->quit();
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
  const auto decision =
      judge(Supervision::child(lane), name_of(*setup_.service->runtime, lane), reason, code);
  if (!decision) return;
  count_restart(lane);
  const auto& with_it = decision->with_it;
  const bool takes_bridge = std::find(with_it.begin(), with_it.end(), Supervision::bridge) != with_it.end();
  takes_bridge ? restart_all(decision->wait) : restart_lanes(lane, *decision);
}

void SupervisorState::bridge_failed(const caf::error& reason) {
  bridge_ = {};
  close_all();
  const auto decision = judge(Supervision::bridge, "bridge", reason, code_of(reason));
  if (!decision) return;
  setup_.board->count(setup_.service_number, &ServiceCounts::bridges);
  restart_all(decision->wait);
}

// What the strategy says; nullopt: this service has given up.
std::optional<Supervision::Decision> SupervisorState::judge(Supervision::Child child, const std::string& what,
                                                            const caf::error& reason,
                                                            std::optional<ErrorCode> code) {
  const auto& restarts = setup_.service->supervision.restarts;
  const std::string text = text_of(reason);
  setup_.board->count_failure(setup_.service_number, class_of(reason));
  std::vector<Supervision::Child> running;
  if (bridge_) running.push_back(Supervision::bridge);
  for (const auto& lane : lanes_) running.push_back(Supervision::child(lane.first));
  auto decision = supervision_.failed(child, setup_.clock->now(), code, running);
  switch (decision.verdict) {
    case RestartPolicy::Verdict::restart:
      if (const auto& log = setup_.service->runtime->options().log)
        log->error("service {}: {} failed: {}; starting it again{} in {} ms ({} of {} restarts within {} ms)",
                   setup_.service->runtime->plan().name, what, text,
                   decision.with_it.empty() ? "" : fmt::format(" with {} others", decision.with_it.size()),
                   decision.wait.count(), supervision_.recent(), restarts.intensity, restarts.period.count());
      return decision;
    case RestartPolicy::Verdict::too_many:
      give_up(what + " failed once more after " + std::to_string(supervision_.recent() - 1) +
                  " restarts within " + std::to_string(restarts.period.count()) + " ms, giving up: " + text,
              code, decision.verdict);
      break;
    case RestartPolicy::Verdict::is_final:
      give_up(what + " failed, and no restart can heal it: " + text, code, decision.verdict);
      break;
    case RestartPolicy::Verdict::has_twin:
      give_up(what + " was fenced twice within " + std::to_string(restarts.twin.count()) +
                  " ms: does another process run with the same [node] id? " + text,
              code, decision.verdict);
      break;
  }
  return std::nullopt;
}

// The root hears of it before the children have ended: one that hangs must not hold up the end of the
// process.
void SupervisorState::give_up(const std::string& why, std::optional<ErrorCode> code,
                              RestartPolicy::Verdict verdict) {
  const std::string text = "service " + setup_.service->runtime->plan().name + ": " + why;
  gave_up_ = make_failure(text, code);
  setup_.board->count(setup_.service_number, &ServiceCounts::escalations);
  self_->send(setup_.root,
              msg::GaveUp{setup_.service_number, text, code, verdict != RestartPolicy::Verdict::too_many});
  stop();
}

// --- starting again ---

void SupervisorState::restart_all(Duration wait) {
  close_all();
  self_->delayed_send(self_, wait, msg::RestartBridge{generation_});
}

// The bridge undoes what is not committed, and asks for them when their backoff is over.
void SupervisorState::restart_lanes(Lane failed, const Supervision::Decision& decision) {
  std::vector<Lane> lanes{failed};
  for (const auto& entry : lanes_) {
    const auto child = Supervision::child(entry.first);
    if (std::find(decision.with_it.begin(), decision.with_it.end(), child) != decision.with_it.end())
      lanes.push_back(entry.first);
  }
  for (std::size_t i = 1; i < lanes.size(); ++i) {
    stop_lane(lanes[i]);
    count_restart(lanes[i]);
  }
  self_->send(bridge_, msg::LanesDown{lanes});
  self_->delayed_send(self_, decision.wait, msg::RestartLanes{std::move(lanes), generation_});
}

void SupervisorState::start_due_lanes() {
  std::erase_if(due_, [&](Lane lane) {
    const auto is_it = [&](const auto& child) { return child.second == lane; };
    if (std::any_of(closing_.begin(), closing_.end(), is_it)) return false;
    if (bridge_) self_->send(bridge_, msg::StartAgain{lane});
    return true;
  });
}

void SupervisorState::count_restart(Lane lane) const {
  setup_.board->count(setup_.service_number,
                      lane.is_source() ? &ServiceCounts::sources : &ServiceCounts::partitions);
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
