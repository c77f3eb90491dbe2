// The embedded store: records, positions and state of all services of a node in one RocksDB database on local
// disk. One process writes; others may read beside it or without it. What a commit or an append acknowledged
// is on disk (sync = true), or at least with the operating system (sync = false).
//
// Threads: as RecordStore says. Sessions of different services share one writer, so one waits for the other's
// sync.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

#include "eventy/core/result.hpp"
#include "eventy/store/record_store.hpp"

namespace eventy::rocksdb {

enum class Access : std::uint8_t { read_write, read_only };

struct Options {
  using Access = rocksdb::Access;

  std::filesystem::path path = {};  // a folder; created if it is absent and access is read_write
  bool sync =
      true;  // false: a power failure may undo the last cycles, all of each; the end of the process does not
  Access access = Access::read_write;

  // Bytes.
  std::size_t write_buffer_size =
      64u << 20;  // records in memory before they move to their files; up to 3 of these
  std::size_t state_buffer_size = 32u << 20;  // same for states
  std::size_t cache_size = 64u << 20;         // blocks of states and of the index of records
  std::size_t max_log_size = 256u << 20;      // write-ahead log; what the next opening reads at most
  std::size_t max_cycle_size = 1u << 30;      // outputs and states of one commit cycle; more is too_large
};

// Errors:
//   not_found          read_only, and there is no data in the folder
//   permission_denied  names the folder
//   busy               another process (or this one) has the data open for writing; names its process id
//   newer_format       the data was written by a newer version of this store
//   corrupt            a check failed, or less was recovered than had been acknowledged
//   configuration      the process may not open enough files; says how many
//   no_space, io       what the operating system says
Result<std::unique_ptr<RecordStore>> open(const Options& options);

}  // namespace eventy::rocksdb
