// One commit cycle of a session, from its first slice to what became of it.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "eventy/store/local_state.hpp"
#include "positions.hpp"
#include "session_identity.hpp"
#include "transactional_producer.hpp"

namespace eventy::kafka::detail {

// The last value of each key of a changelog's partition; none: the key was forgotten.
using States = std::unordered_map<std::string, std::optional<std::string>>;

struct OpenCycle {
  std::string name = {};  // in the notes of its positions: see PositionNote
  std::vector<std::shared_ptr<const OutputBuffer>> outputs = {};
  std::size_t outputs_sent = 0;  // so many of them are on their way, the others follow at the commit
  std::map<PartitionId, States> states = {};
  bool states_sent = true;  // all of them are on their way; else all are sent at the commit
  std::map<Place, Position> positions = {};
  std::size_t bytes = 0;

  bool empty() const { return outputs.empty() && states.empty() && positions.empty(); }
};

// What of the open cycle is sent before its commit was asked for. Made for the committing thread.
struct EarlyPart {
  std::shared_ptr<const OutputBuffer> outputs = {};  // null: none
  PartitionId partition = {};
  States states = {};
  // Empty, or the partition's, which open the transaction, or follow what was sent where nothing else waits.
  std::map<Place, Position> positions = {};
  std::string cycle = {};
  GroupMetadata group = {};
  LogPlace log = {};
};

// A cycle whose commit was begun. Written by the committing thread until `landed`, read by the session after.
struct PendingCommit {
  CycleId cycle = {};
  OpenCycle effects = {};
  GroupMetadata group = {};
  std::map<PartitionId, LogPlace> logs = {};  // of the changelog: before, and once landed, after the cycle
  std::map<PartitionId, std::shared_ptr<LocalState>> copies = {};
  Landing landing = {};
  std::atomic<bool> landed = false;
};

}  // namespace eventy::kafka::detail
