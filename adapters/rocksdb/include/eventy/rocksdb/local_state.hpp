// Copies of committed state on this node, for a store whose truth is a log elsewhere: one RocksDB database
// for all partitions of all services, in FOLDER/states. One process at a time uses a folder.
//
// What a write acknowledged survives the end of the process. A power failure may take the last writes back,
// each with its place: nothing is synced, because the log has it all and the copy says from where to read on.
// For the same reason damage is no error: copies that are damaged, or of a format that this version does not
// know, are removed and come back empty, and on_rebuild is told why.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

#include "eventy/core/result.hpp"
#include "eventy/store/local_state.hpp"

namespace eventy::rocksdb {

struct LocalStateOptions {
  std::filesystem::path folder = {};  // made if it is absent

  // Bytes, over all copies of the folder.
  std::size_t cache_size = 64u << 20;  // blocks of the files, with their indexes and filters
  std::size_t write_buffer_size = 64u
                                  << 20;  // changes that have not moved to files; the log files hold the same

  // The copies were removed, and why; by any thread.
  std::function<void(const std::string& what)> on_rebuild = {};
};

// Holds the folder until the last copy of the returned function is gone; the database is closed then, and
// whoever still has one of its LocalStates gets ErrorCode::closed. The function may be called by several
// threads.
//
// A partition may be opened again at any time: all its LocalStates read the same copy, and the last one
// writes. What an earlier one applies or clears afterwards has no effect and is no error: the last one brings
// the copy up to the log anyway.
//
// Errors:
//   busy               another process (or this one) holds the folder; names its process id
//   invalid_argument   the folder holds the data of an embedded store
//   configuration      the process may not open enough files; says how many
//   permission_denied, io
// and of the copies, beside those of LocalState:
//   no_space           nothing was applied; the same call works again once there is room
//   corrupt            damage that shows while reading; all copies are removed when one is opened the next
//                      time, and this is what those get that were opened before
Result<OpenLocalState> local_state(const LocalStateOptions& options);

}  // namespace eventy::rocksdb
