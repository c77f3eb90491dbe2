#include <algorithm>

#include "keepers.hpp"
#include "lanes.hpp"

namespace eventy::testing::detail {

void SupervisorActor::receive(ActorId from, Mail& mail) {
  if (has_given_up_) return;
  if (const auto* start = std::get_if<mail::StartLane>(&mail)) {
    start_lane(from, *start);
  } else if (const auto* stop = std::get_if<mail::StopLane>(&mail)) {
    stop_lane(stop->lane);
  } else if (const auto* lane = std::get_if<mail::RestartLanes>(&mail)) {
    if (lane->generation == generation_) due_.insert(lane->lanes.begin(), lane->lanes.end());
    start_due_lanes();
  } else if (const auto* bridge = std::get_if<mail::RestartBridge>(&mail)) {
    bridge_is_due_ = bridge->generation == generation_;
    after_closing();
  } else if (std::holds_alternative<mail::Drain>(mail)) {
    drain();
  } else if (std::holds_alternative<mail::Drained>(mail)) {
    setup_->drained();
  } else if (const auto* down = std::get_if<mail::Down>(&mail)) {
    child_is_down(*down);
  }
}

void SupervisorActor::start_bridge() {
  bridge_ = world_.add(std::make_unique<BridgeActor>(world_, setup_, id()), id());
  if (draining_) send(bridge_, mail::Drain{});
}

void SupervisorActor::start_lane(ActorId from, const mail::StartLane& m) {
  if (from != bridge_) return;  // of a bridge that has failed since
  stop_lane(m.lane);
  const LaneSetup setup{m.lane,
                        m.epoch,
                        m.routes,
                        m.state,
                        bridge_,
                        setup_->source_slices_in_flight,
                        setup_->source_records_per_look};
  const std::string partition = std::to_string(m.lane.partition.value);
  ActorId lane;
  if (m.lane.is_source()) {
    lane = world_.add(
        std::make_unique<SourceActor>(world_, node(), setup_->name + "/source of " + partition, setup), id());
  } else {
    lane = world_.add(std::make_unique<PartitionActor>(world_, node(), setup_->name + '/' + partition, setup),
                      id());
  }
  lanes_[m.lane] = lane;
  send(bridge_, mail::LaneStarted{m.lane, m.epoch, lane});
}

void SupervisorActor::stop_lane(Lane lane) {
  due_.erase(lane);
  const auto it = lanes_.find(lane);
  if (it == lanes_.end()) return;
  close(it->second, lane);
  lanes_.erase(it);
}

void SupervisorActor::close(ActorId child, std::optional<Lane> lane) {
  closing_[child] = lane;
  send(child, mail::Exit{});
}

// Lanes, and a new bridge, have to wait until the old ones are really gone.
void SupervisorActor::after_closing() {
  start_due_lanes();
  if (closing_.empty() && std::exchange(bridge_is_due_, false)) start_bridge();
}

void SupervisorActor::child_is_down(const mail::Down& m) {
  if (closing_.erase(m.child) > 0) return after_closing();
  if (m.child == bridge_) return bridge_failed(m);
  for (const auto& [lane, actor] : lanes_)
    if (m.child == actor) return lane_failed(Lane(lane), m);
}

void SupervisorActor::lane_failed(Lane lane, const mail::Down& m) {
  lanes_.erase(lane);
  // A fenced lane is no twin's doing: its partition has just moved to another node.
  const auto code = m.code == ErrorCode::fenced ? std::nullopt : m.code;
  const auto decision = judge(Supervision::child(lane), m.reason, code);
  if (!decision) return;
  world_.trace().fired("lane restarted");
  const auto& with_it = decision->with_it;
  if (with_it.empty()) return restart_lanes(lane, *decision);
  const bool takes_bridge = std::find(with_it.begin(), with_it.end(), Supervision::bridge) != with_it.end();
  world_.trace().fired(takes_bridge ? "all restarted with a lane" : "lanes restarted with a source");
  takes_bridge ? restart_all(decision->wait) : restart_lanes(lane, *decision);
}

void SupervisorActor::bridge_failed(const mail::Down& m) {
  bridge_ = {};
  const auto decision = judge(Supervision::bridge, m.reason, m.code);
  if (!decision) return;
  world_.trace().fired("bridge restarted");
  restart_all(decision->wait);
}

void SupervisorActor::restart_all(Duration wait) {
  ++generation_;
  due_.clear();
  for (const auto& [lane, actor] : lanes_) close(actor, lane);
  lanes_.clear();
  if (bridge_ != ActorId{}) close(std::exchange(bridge_, {}), {});
  send_later(wait, mail::RestartBridge{generation_});
}

void SupervisorActor::restart_lanes(Lane failed, const Supervision::Decision& decision) {
  std::vector<Lane> lanes{failed};
  for (const auto& entry : lanes_) {
    const auto child = Supervision::child(entry.first);
    if (std::find(decision.with_it.begin(), decision.with_it.end(), child) != decision.with_it.end())
      lanes.push_back(entry.first);
  }
  for (std::size_t i = 1; i < lanes.size(); ++i) stop_lane(lanes[i]);
  send(bridge_, mail::LanesDown{lanes});
  send_later(decision.wait, mail::RestartLanes{std::move(lanes), generation_});
}

void SupervisorActor::start_due_lanes() {
  std::erase_if(due_, [&](Lane lane) {
    const auto is_it = [&](const auto& child) { return child.second == lane; };
    if (std::any_of(closing_.begin(), closing_.end(), is_it)) return false;
    if (bridge_ != ActorId{}) send(bridge_, mail::StartAgain{lane});
    return true;
  });
}

// What the strategy says; nullopt: this service has given up, and its process ends.
std::optional<Supervision::Decision> SupervisorActor::judge(Supervision::Child child,
                                                            const std::string& reason,
                                                            std::optional<ErrorCode> code) {
  if (code == ErrorCode::internal || code == ErrorCode::invalid_argument)
    world_.trace().fired(std::string(defect) + reason);
  std::vector<Supervision::Child> running;
  if (bridge_ != ActorId{}) running.push_back(Supervision::bridge);
  for (const auto& lane : lanes_) running.push_back(Supervision::child(lane.first));
  auto decision = supervision_.failed(child, clock_.now(), code, running);
  if (decision.verdict == RestartPolicy::Verdict::restart) return decision;
  static constexpr const char* why[] = {"", "too many failures", "final failure", "fenced by a twin"};
  const std::string text = why[static_cast<std::size_t>(decision.verdict)];
  world_.trace().fired("gave up: " + text);
  has_given_up_ = true;
  setup_->gave_up(text + ": " + reason);
  return std::nullopt;
}

void SupervisorActor::drain() {
  draining_ = true;
  if (bridge_ != ActorId{}) send(bridge_, mail::Drain{});
}

}  // namespace eventy::testing::detail
