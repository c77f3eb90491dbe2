// A partition of the service from its assignment to its release, and how far each of its inputs was read.
// Owned by Inputs; belongs to the session's thread.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <stop_token>

#include "eventy/store/local_state.hpp"
#include "handles.hpp"
#include "partition_fingerprint.hpp"

namespace eventy::kafka::detail {

class CopyReader;

struct InputCursor {  // of one topic partition
  Offset read = {};   // handed out up to here
  Offset committed = {};
  Offset fetched = read;  // taken from librdkafka up to here; records from `read` on are in the backlog
  Offset end = {-1};      // only transaction markers lie between `read` and here
  PartitionFingerprint fingerprint = {};
  // The topic may have been deleted, or lacks the offset: no record is taken until the topic is checked.
  bool suspect = false;

  Position position() const { return {committed, fingerprint.newest_before(committed)}; }
  void commit(const Position& position) { committed = position.next, fingerprint.commit(position); }
  bool is_settled() const { return !suspect && !fingerprint.verifying(); }
};

struct OwnedPartition {
  enum class Stage : std::uint8_t {
    locating,   // the group assigned it; its positions are not known yet
    restoring,  // its positions are known
    restored    // its records are handed out
  };
  Stage stage = Stage::locating;
  std::uint64_t takeover = 0;     // the number of the takeover that prepares it
  std::stop_source restore = {};  // of its states; requested when it is taken away
  bool leaving = false;           // revoked or lost, and not released yet
  bool released = false;
  bool paused = false;        // no record is handed out
  bool fetch_paused = false;  // nor fetched, for the backlog is long
  bool reassigned = false;    // lost, and assigned again meanwhile: it is taken over again after its release
  std::deque<Message> backlog = {};
  std::size_t backlog_bytes = 0;  // of memory, about
  std::shared_ptr<LocalState> copy = {};
  std::shared_ptr<CopyReader> state = {};
  std::map<TopicIndex, InputCursor> cursors = {};
  LogPosition log = {};  // how far the changelog reaches
};

}  // namespace eventy::kafka::detail
