// What the actors of a simulated node send each other: the messages of a real node, without CAF.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "eventy/engine/runtime.hpp"
#include "eventy/engine/slice.hpp"

namespace eventy::testing {

using ActorId = Strong<struct ActorTag, std::uint64_t>;  // never used again; 0 is nobody

namespace mail {

// --- to a lane, from its bridge ---
struct Deliver {
  Epoch epoch;
  std::shared_ptr<const Batch> batch;
};
struct CommittedUpTo {
  Epoch epoch;
  SliceNumber up_to;
};
struct RewindTo {
  Epoch epoch;
};
struct StopLooking {};

// --- to itself ---
struct StepOn {};  // also from the store, to a bridge
struct Wake {};    // a timer

// --- to a bridge, from its lanes ---
struct Finished {
  std::shared_ptr<const Slice> slice;
};
struct DeferredDone {
  Lane lane;
  Epoch epoch;
  SliceNumber up_to;
  std::shared_ptr<const OutputBuffer> outputs;
};
struct LaneWaits {
  Lane lane;
  Epoch epoch;
};

// --- to a bridge, from its supervisor ---
struct LaneStarted {
  Lane lane;
  Epoch epoch;
  ActorId actor;
};
struct LanesDown {
  std::vector<Lane> lanes;
};
struct StartAgain {
  Lane lane;
};
struct Drain {};  // also to a supervisor

// --- to a supervisor ---
struct StartLane {
  Lane lane;
  Epoch epoch;
  std::shared_ptr<const Routes> routes;
  std::shared_ptr<const StateReader> state;
};
struct StopLane {
  Lane lane;
};
struct Drained {};
struct RestartLanes {  // a timer, as the next one
  std::vector<Lane> lanes;
  std::uint64_t generation;
};
struct RestartBridge {
  std::uint64_t generation;
};
struct Down {  // a child has ended
  ActorId child;
  std::string reason;
  std::optional<ErrorCode> code = {};
};
struct Exit {};  // to a child: end

}  // namespace mail

using Mail = std::variant<mail::Deliver, mail::CommittedUpTo, mail::RewindTo, mail::StopLooking, mail::StepOn,
                          mail::Wake, mail::Finished, mail::DeferredDone, mail::LaneWaits, mail::LaneStarted,
                          mail::LanesDown, mail::StartAgain, mail::Drain, mail::StartLane, mail::StopLane,
                          mail::Drained, mail::RestartLanes, mail::RestartBridge, mail::Down, mail::Exit>;

// One line for the trace.
std::string describe(const Mail& mail);

}  // namespace eventy::testing
