#include "keepers.hpp"
#include "lanes.hpp"

namespace eventy::testing::detail {

void SupervisorActor::receive(ActorId from, Mail& mail) {
  if (has_given_up_) return;
  if (const auto* start = std::get_if<mail::StartLane>(&mail)) {
    start_lane(from, *start);
  } else if (const auto* stop = std::get_if<mail::StopLane>(&mail)) {
    stop_lane(stop->lane);
  } else if (const auto* lane = std::get_if<mail::RestartLane>(&mail)) {
    if (lane->generation == generation_ && bridge_ != ActorId{}) send(bridge_, mail::StartAgain{lane->lane});
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
  const auto it = lanes_.find(lane);
  if (it == lanes_.end()) return;
  close(it->second);
  lanes_.erase(it);
}

void SupervisorActor::close(ActorId child) {
  closing_.insert(child);
  send(child, mail::Exit{});
}

// A new bridge has to wait until the lanes of the old one are really gone.
void SupervisorActor::after_closing() {
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
  const auto wait = backoff(Supervision::child(lane), m.reason, code);
  if (!wait) return;
  world_.trace().fired("lane restarted");
  send(bridge_, mail::LaneDown{lane});
  send_later(*wait, mail::RestartLane{lane, generation_});
}

void SupervisorActor::bridge_failed(const mail::Down& m) {
  bridge_ = {};
  ++generation_;
  for (const auto& lane : lanes_) close(lane.second);
  lanes_.clear();
  if (const auto wait = backoff(Supervision::bridge, m.reason, m.code)) {
    world_.trace().fired("bridge restarted");
    send_later(*wait, mail::RestartBridge{generation_});
  }
}

// How long to wait before the next try; nullopt: this service has given up, and its process ends.
std::optional<Duration> SupervisorActor::backoff(Supervision::Child child, const std::string& reason,
                                                 std::optional<ErrorCode> code) {
  if (code == ErrorCode::internal || code == ErrorCode::invalid_argument)
    world_.trace().fired(std::string(defect) + reason);
  const auto [verdict, wait, with_it] = supervision_.failed(child, clock_.now(), code, {});
  if (verdict == RestartPolicy::Verdict::restart) return wait;
  static constexpr const char* why[] = {"", "too many failures", "final failure", "fenced by a twin"};
  const std::string text = why[static_cast<std::size_t>(verdict)];
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
