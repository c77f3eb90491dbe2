// Every message between the actors of a node. They stay within one process: what is large travels as a shared
// pointer, and no type of a user's service is among them.
#pragma once

#include <caf/all.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventy/engine/runtime.hpp"
#include "eventy/engine/slice.hpp"

namespace eventy::actors::msg {

// --- to a lane (a partition or a source), from its bridge ---
struct Deliver {  // records to handle, in order
  Epoch epoch;
  std::shared_ptr<const Batch> batch;
};
struct CommittedUpTo {  // the slices up to this one are durable
  Epoch epoch;
  SliceNumber up_to;
};
struct RewindTo {  // nothing since the last commit happened; mail of another epoch is void
  Epoch epoch;
};
struct StopLooking {};  // a source takes no more input
struct Query {          // a question about one key, in the service's state format; answered in the same
  std::string name, key, question;
};

// --- to itself ---
struct StepOn {};  // goes on with what is at hand
struct Wake {};    // a timer: goes on with what was put off

// --- to a bridge, from its lanes ---
struct Finished {  // a slice is done
  std::shared_ptr<const Slice> slice;
};
struct DeferredDone {  // the at-most-once turns up to this slice have run, and wrote this
  Lane lane;
  Epoch epoch;
  SliceNumber up_to;
  std::shared_ptr<const OutputBuffer> outputs;
};
struct LaneWaits {  // the source found nothing, or the partition waits for a retry or a probe
  Lane lane;
  Epoch epoch;
};

// --- to a bridge, from its supervisor ---
struct LaneStarted {  // the answer to StartLane
  Lane lane;
  Epoch epoch;
  caf::actor handle;
};
struct LanesDown {  // one failed, and its supervisor stopped the others with it; the backoff has begun
  std::vector<Lane> lanes;
};
struct StartAgain {  // its backoff is over
  Lane lane;
};
struct Drain {};    // finish and commit what is in hand, take no more; also to supervisors and the root
struct AskStatus {  // is there anything left to do? Also to a supervisor
  std::size_t service;
  std::uint64_t round;
  caf::actor asker;
};

// --- to a supervisor ---
struct StartLane {  // from the bridge: this lane is to run from this state
  Lane lane;
  Epoch epoch;
  std::shared_ptr<const Routes> routes;
  std::shared_ptr<const StateReader> state;
};
struct StopLane {  // from the bridge: this lane belongs to somebody else now
  Lane lane;
};
struct Drained {};     // from the bridge: everything in hand is committed
struct RestartLanes {  // a timer: their backoff is over, unless the bridge changed since
  std::vector<Lane> lanes;
  std::uint64_t generation;
};
struct RestartBridge {  // a timer: the bridge's backoff is over
  std::uint64_t generation;
};
struct Stop {};  // end all children, then yourself; also to the root

// --- to the root ---
struct Status {  // the answer to AskStatus
  std::size_t service;
  std::uint64_t round;
  bool idle;
  std::uint64_t activity;
};
struct ServiceDrained {  // from a supervisor
  std::size_t service;
};
struct GaveUp {  // from a supervisor, which ends its children now and then itself
  std::size_t service;
  std::string why;
  std::optional<ErrorCode> code;  // of the error, if it has one
  bool is_final;                  // a new supervisor would end the same
};
struct RestartServices {  // a timer: their backoff is over
  std::vector<std::size_t> services;
};
struct AskRound {};  // a timer: ask all services for their status

}  // namespace eventy::actors::msg

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::Deliver)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::CommittedUpTo)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::RewindTo)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::StopLooking)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::Query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::StepOn)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::Wake)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::Finished)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::DeferredDone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::LaneWaits)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::LaneStarted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::LanesDown)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::StartAgain)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::Drain)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::AskStatus)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::StartLane)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::StopLane)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::Drained)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::RestartLanes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::RestartBridge)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::Stop)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::Status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::ServiceDrained)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::GaveUp)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::RestartServices)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(eventy::actors::msg::AskRound)
