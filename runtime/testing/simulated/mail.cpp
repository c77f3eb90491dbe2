#include "eventy/testing/mail.hpp"

namespace eventy::testing {

namespace {

std::string number(std::uint64_t n) { return std::to_string(n); }
std::string name(Lane lane) {
  return (lane.is_source() ? "source " + number(lane.source) + " of " : "") + "partition " +
         number(lane.partition.value);
}
std::string names(const std::vector<Lane>& lanes) {
  std::string text;
  for (const Lane lane : lanes) text += (text.empty() ? " " : ", ") + name(lane);
  return text;
}

struct Describe {
  std::string operator()(const mail::Deliver& m) const {
    const Batch& b = *m.batch;
    std::string text = "Deliver epoch " + number(m.epoch.value) + ", topic " + number(b.topic.value);
    if (b.records.empty()) return text + ", nothing";
    return text + ", offsets " + std::to_string(b.records.front().offset.value) + " to " +
           std::to_string(b.records.back().offset.value);
  }
  std::string operator()(const mail::CommittedUpTo& m) const {
    return "CommittedUpTo epoch " + number(m.epoch.value) + ", slice " + number(m.up_to.value);
  }
  std::string operator()(const mail::RewindTo& m) const { return "RewindTo epoch " + number(m.epoch.value); }
  std::string operator()(const mail::StopLooking&) const { return "StopLooking"; }
  std::string operator()(const mail::StepOn&) const { return "StepOn"; }
  std::string operator()(const mail::Wake&) const { return "Wake"; }
  std::string operator()(const mail::Finished& m) const {
    std::string text = "Finished " + name(m.slice->lane) + ", epoch " + number(m.slice->epoch.value) +
                       ", slice " + number(m.slice->number.value) + ", " + number(m.slice->records) +
                       " records";
    for (const auto& p : m.slice->effects.positions)
      text += ", topic " + number(p.topic.value) + " up to " + std::to_string(p.next.value);
    return text;
  }
  std::string operator()(const mail::DeferredDone& m) const {
    return "DeferredDone " + name(m.lane) + ", epoch " + number(m.epoch.value) + ", slice " +
           number(m.up_to.value) + ", " + number(m.outputs->entries.size()) + " outputs";
  }
  std::string operator()(const mail::LaneWaits& m) const { return "LaneWaits " + name(m.lane); }
  std::string operator()(const mail::LaneStarted& m) const {
    return "LaneStarted " + name(m.lane) + ", epoch " + number(m.epoch.value);
  }
  std::string operator()(const mail::LanesDown& m) const { return "LanesDown" + names(m.lanes); }
  std::string operator()(const mail::StartAgain& m) const { return "StartAgain " + name(m.lane); }
  std::string operator()(const mail::Drain&) const { return "Drain"; }
  std::string operator()(const mail::StartLane& m) const {
    return "StartLane " + name(m.lane) + ", epoch " + number(m.epoch.value);
  }
  std::string operator()(const mail::StopLane& m) const { return "StopLane " + name(m.lane); }
  std::string operator()(const mail::Drained&) const { return "Drained"; }
  std::string operator()(const mail::RestartLanes& m) const { return "RestartLanes" + names(m.lanes); }
  std::string operator()(const mail::RestartBridge&) const { return "RestartBridge"; }
  std::string operator()(const mail::Down& m) const { return "Down: " + m.reason; }
  std::string operator()(const mail::Exit&) const { return "Exit"; }
};

}  // namespace

std::string describe(const Mail& mail) { return std::visit(Describe{}, mail); }

}  // namespace eventy::testing
