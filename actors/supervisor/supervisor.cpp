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

ActorId id_of(const LaneRef& lane) {
  return std::visit([](const auto& ref) { return ref.id(); }, lane);
}

}  // namespace

void SupervisorState::begin(SupervisorSetup setup) {
  setup_ = std::move(setup);
  supervision_ = Supervision(setup_.service->supervision, Supervision::First::holds_the_others);
  start_bridge();
}

void SupervisorState::handle(const msg::RestartLanes& m) {
  if (m.generation == generation_) due_.insert(m.lanes.begin(), m.lanes.end());
  start_due_lanes();
}

void SupervisorState::handle(const msg::RestartBridge& m) {
  bridge_is_due_ = m.generation == generation_;
  after_closing();
}

void SupervisorState::handle(const msg::Drained& m) {
  const auto& runtime = *setup_.service->runtime;
  std::string names;
  for (const Lane lane : m.busy) names += (names.empty() ? "" : ", ") + name_of(runtime, lane);
  if (const auto& log = runtime.options().log; log && !names.empty())
    log->warn(
        "service {}: {} held up by handlers that do not return: all others are handed over now, and what "
        "these handlers do is undone and done again by the next owner",
        runtime.plan().name, names + (m.busy.size() == 1 ? " is" : " are"));
  self_.post(setup_.root, msg::ServiceDrained{setup_.service_number, m.busy.empty()});
}

// --- starting ---

void SupervisorState::start_bridge() {
  try {
    bridge_ = spawn<BridgeState>(*self_.host, {Role::Kind::bridge, setup_.service_number},
                                 Placement::own_thread, {setup_.service, self_.ref}, self_.ref);
  } catch (...) {
    return bridge_failed(reason_of(failure_of(std::current_exception())));
  }
  if (draining_) self_.post(bridge_, msg::Drain{});
}

void SupervisorState::handle(const msg::StartLane& m) {
  if (stopping_ || self_.sender != bridge_.id()) return;  // of a bridge that has failed since
  stop_lane(m.lane);
  if (is_closing(m.lane)) {
    waiting_.emplace(m.lane, m);
  } else {
    start_lane(m);
  }
}

void SupervisorState::start_lane(const msg::StartLane& m) {
  try {
    lanes_[m.lane] = spawn_lane(m);
  } catch (...) {
    return lane_failed(m.lane, reason_of(failure_of(std::current_exception())));
  }
  self_.post(bridge_, msg::LaneStarted{m.lane, m.epoch, lanes_[m.lane]});
}

// A handler that does not return keeps its old self busy. A second self would begin the same record beside
// it, and each rebalance one more.
void SupervisorState::start_waiting_lanes() {
  const auto is_ready = [&](const auto& entry) { return !is_closing(entry.first); };
  for (;;) {
    const auto next = std::find_if(waiting_.begin(), waiting_.end(), is_ready);
    if (next == waiting_.end()) return;
    start_lane(waiting_.extract(next).mapped());  // where that fails, others may not be wanted any more
  }
}

bool SupervisorState::is_closing(std::optional<Lane> child) const {
  return std::any_of(closing_.begin(), closing_.end(), [&](const auto& c) { return c.second == child; });
}

LaneRef SupervisorState::spawn_lane(const msg::StartLane& m) {
  const ServiceSetup& service = *setup_.service;
  const Placement placement = service.is_blocking ? Placement::own_thread : Placement::scheduler;
  const LaneSetup setup{
      m.lane,
      m.epoch,
      m.routes,
      m.state,
      bridge_,
      service.source_slices_in_flight,
      service.source_records_per_look,
      setup_.watchdog->watch(setup_.service_number, service.runtime, m.lane, service.turns,
                             service.is_blocking ? Watchdog::Runs::on_its_own : Watchdog::Runs::on_a_worker)};
  const Role role{Role::Kind::lane, setup_.service_number, m.lane};
  if (m.lane.is_source())
    return spawn<SourceState>(*self_.host, role, Placement::own_thread, setup, self_.ref);
  return spawn<PartitionState>(*self_.host, role, placement, setup, self_.ref);
}

// --- ending ---

void SupervisorState::stop_lane(Lane lane) {
  due_.erase(lane);
  waiting_.erase(lane);
  const auto it = lanes_.find(lane);
  if (it == lanes_.end()) return;
  close(it->second, lane);
  lanes_.erase(it);
}

void SupervisorState::close(const LaneRef& child, Lane lane) {
  closing_[id_of(child)] = lane;
  std::visit([this](const auto& ref) { self_.post(ref, msg::End{}); }, child);
}

void SupervisorState::close_all() {
  ++generation_;
  due_.clear();
  waiting_.clear();
  for (const auto& [lane, child] : lanes_) close(child, lane);
  lanes_.clear();
  if (!bridge_) return;
  closing_[bridge_.id()] = std::nullopt;
  self_.post(std::exchange(bridge_, {}), msg::End{});
}

void SupervisorState::stop() {
  stopping_ = true;
  close_all();
  after_closing();
}

// What had to wait until children were really gone: the end until all are, a new bridge until the old one is,
// a lane until its old self is. So a handler that does not return holds up no other partition.
void SupervisorState::after_closing() {
  start_due_lanes();
  if (stopping_) {
    if (closing_.empty()) gave_up_ ? self_.actor->quit(*gave_up_) : self_.actor->quit();
  } else if (bridge_is_due_ && !is_closing(std::nullopt)) {
    bridge_is_due_ = false;
    start_bridge();
  }
  start_waiting_lanes();
}

// --- failures ---

void SupervisorState::handle(const msg::Down& m) {
  if (closing_.erase(m.child) > 0) return after_closing();
  if (bridge_ && m.child == bridge_.id()) return bridge_failed(m.reason);
  for (const auto& [lane, child] : lanes_)
    if (m.child == id_of(child)) return lane_failed(Lane(lane), m.reason);
}

void SupervisorState::lane_failed(Lane lane, const EndReason& reason) {
  lanes_.erase(lane);
  if (reason.code == ErrorCode::fenced) return lane_was_taken_away(lane);
  const auto decision = judge(Supervision::child(lane), name_of(*setup_.service->runtime, lane), reason);
  if (!decision) return;
  count_restart(lane);
  const auto& with_it = decision->with_it;
  const bool takes_bridge = std::find(with_it.begin(), with_it.end(), Supervision::bridge) != with_it.end();
  takes_bridge ? restart_all(decision->wait) : restart_lanes(lane, *decision);
}

// Its partition moved to another node while it worked, and its state with it. That is no failure and not
// counted, however often partitions move; a twin fences the whole session, not a lane. The bridge gives it up
// before the wait is over; else it starts again.
void SupervisorState::lane_was_taken_away(Lane lane) {
  if (const auto& log = setup_.service->runtime->options().log)
    log->debug("service {}: {} was taken away while it worked", setup_.service->runtime->plan().name,
               name_of(*setup_.service->runtime, lane));
  self_.post(bridge_, msg::LanesDown{{lane}});
  self_.post(self_.ref, msg::RestartLanes{{lane}, generation_},
             setup_.service->supervision.restarts.first_backoff);
}

void SupervisorState::bridge_failed(const EndReason& reason) {
  bridge_ = {};
  close_all();
  const auto decision = judge(Supervision::bridge, "bridge", reason);
  if (!decision) return;
  setup_.board->count(setup_.service_number, &ServiceCounts::bridges);
  restart_all(decision->wait);
}

// What the strategy says; nullopt: this service has given up.
std::optional<Supervision::Decision> SupervisorState::judge(Supervision::Child child, const std::string& what,
                                                            const EndReason& reason) {
  const auto& restarts = setup_.service->supervision.restarts;
  const auto& [text, error_class, code, in_order] = reason;
  setup_.board->count_failure(setup_.service_number, error_class);
  std::vector<Supervision::Child> running;
  if (bridge_) running.push_back(Supervision::bridge);
  for (const auto& lane : lanes_) running.push_back(Supervision::child(lane.first));
  auto decision = supervision_.failed(child, self_.now(), code, running);
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
  self_.post(setup_.root,
             msg::GaveUp{setup_.service_number, text, code, verdict != RestartPolicy::Verdict::too_many});
  stop();
}

// --- starting again ---

void SupervisorState::restart_all(Duration wait) {
  close_all();
  self_.post(self_.ref, msg::RestartBridge{generation_}, wait);
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
  self_.post(bridge_, msg::LanesDown{lanes});
  self_.post(self_.ref, msg::RestartLanes{std::move(lanes), generation_}, decision.wait);
}

void SupervisorState::start_due_lanes() {
  std::erase_if(due_, [&](Lane lane) {
    if (is_closing(lane)) return false;
    self_.post(bridge_, msg::StartAgain{lane});
    return true;
  });
}

void SupervisorState::count_restart(Lane lane) const {
  setup_.board->count(setup_.service_number,
                      lane.is_source() ? &ServiceCounts::sources : &ServiceCounts::partitions);
}

// --- questions and orders ---

void SupervisorState::handle(const msg::Drain&) {
  draining_ = true;
  self_.post(bridge_, msg::Drain{});
}

void SupervisorState::handle(const msg::AskStatus& m) {
  if (bridge_) {
    self_.post(bridge_, m);
  } else {
    self_.post(m.asker, msg::Status{m.service, m.round, false, 0});
  }
}

}  // namespace eventy::actors
