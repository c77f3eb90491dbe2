// Copies of committed state on this node, for a store whose source of truth is a log elsewhere: one RocksDB
// database for all partitions of all services, in FOLDER/states. One process at a time uses a folder.
//
// An acknowledged write survives the end of the process. A power failure may undo the last writes, each with
// its place: nothing is synced, because the log has everything and the copy's place says where to continue.
// For the same reason damage is not an error: copies that are damaged, or of an unknown format, are removed
// and start empty, and on_rebuild receives the reason.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

#include "eventy/core/result.hpp"
#include "eventy/store/local_state.hpp"

namespace eventy::rocksdb {

struct LocalStateOptions {
  std::filesystem::path folder = {};  // created if it is absent

  // Bytes, for all copies of the folder together.
  std::size_t cache_size = 64u << 20;         // blocks of the files, with their indexes and filters
  std::size_t write_buffer_size = 64u << 20;  // changes not yet in files; the log files hold them too

  // Called when the copies were removed, with the reason; on any thread.
  std::function<void(const std::string& what)> on_rebuild = {};
};

// Holds the folder until the last copy of the returned function is destroyed. Then the database closes, and
// LocalStates that are still open return ErrorCode::closed. Several threads may call the function.
//
// A partition may be opened again at any time: all its LocalStates read the same copy, and the last one
// writes. apply and clear of an earlier one have no effect and return no error, because the last one brings
// the copy up to date with the log anyway.
//
// Errors:
//   busy               another process (or this one) holds the folder; names its process id
//   invalid_argument   the folder holds the data of an embedded store
//   configuration      the process may not open enough files; says how many
//   permission_denied, io
// Errors of the copies, in addition to those of LocalState:
//   no_space           nothing was applied; the same call succeeds once there is room
//   corrupt            a read found damage. The next opening of a copy removes all copies; LocalStates opened
//                      before keep returning this error
Result<OpenLocalState> local_state(const LocalStateOptions& options);

}  // namespace eventy::rocksdb
