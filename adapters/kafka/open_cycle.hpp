// What a session has gathered for one commit cycle, and the commit of it. The session's thread fills an
// OpenCycle and makes EarlyParts; a PendingCommit belongs to the committing thread until it is done.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "commit_outcome.hpp"
#include "eventy/store/local_state.hpp"
#include "positions.hpp"
#include "session_identity.hpp"

namespace eventy::kafka::detail {

// The last value of each key of a changelog partition; none: the key was forgotten.
using States = std::unordered_map<std::string, std::optional<std::string>>;

struct OpenCycle {
  std::string name = {};  // in the notes of its positions: see PositionNote
  // Buffers of slices, which they keep alive.
  std::vector<std::shared_ptr<const OutputBuffer>> outputs = {};
  std::size_t outputs_sent = 0;  // the first ones are in the transaction, the others follow at the commit
  std::map<PartitionId, States> states = {};
  bool states_sent = true;  // all of them are in the transaction; else all are sent at the commit
  std::map<InputPartition, Position> positions = {};
  std::size_t bytes = 0;

  bool empty() const { return outputs.empty() && states.empty() && positions.empty(); }
};

// What of the open cycle is sent before the bridge asks for its commit.
struct EarlyPart {
  std::shared_ptr<const OutputBuffer> outputs = {};  // null: none
  PartitionId partition = {};
  States states = {};
  // Positions of the partition, or empty. They begin the transaction. A committer that has nothing else to do
  // sends them again after the states.
  std::map<InputPartition, Position> positions = {};
  std::string cycle = {};
  GroupMetadata group = {};
  LogPosition log = {};
};

// A cycle whose commit has begun. The committing thread writes it until `done`, the session reads it after.
struct PendingCommit {
  CycleId cycle = {};
  OpenCycle contents = {};
  GroupMetadata group = {};
  // How far each changelog partition and its copy reach: before the cycle, and once `done` after it.
  std::map<PartitionId, LogPosition> logs = {};
  std::map<PartitionId, std::shared_ptr<LocalState>> copies = {};
  std::optional<CommitOutcome> outcome = {};  // there once `done`
  std::atomic<bool> done = false;

  void finish(CommitOutcome how) {
    outcome = std::move(how);
    done = true;
  }
};

}  // namespace eventy::kafka::detail
