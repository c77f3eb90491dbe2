// The embedded store: records, positions and state of all services of a node in one RocksDB database on local
// disk. One process writes; others may read, whether or not it runs. An acknowledged commit or append is on
// disk (sync = true), or at least with the operating system (sync = false).
//
// Threads: as in RecordStore. Sessions of different services share one writer, so each waits for the syncs of
// the others.
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
  // false: a power failure, but not the end of the process, may undo the last cycles, each as a whole.
  bool sync = true;
  Access access = Access::read_write;

  // Bytes.
  std::size_t write_buffer_size = 64u << 20;  // records in memory before they move to files; up to 3 buffers
  std::size_t state_buffer_size = 32u << 20;  // the same for states
  std::size_t cache_size = 64u << 20;         // blocks of states and of the index of records
  std::size_t max_log_bytes = 256u << 20;     // write-ahead log; the next opening reads at most this
  std::size_t max_cycle_bytes = 1u << 30;     // outputs and states of one commit cycle; more is too_large
};

// Errors:
//   not_found          read_only, and there is no data in the folder
//   permission_denied  names the folder
//   busy               another process (or this one) has the data open for writing; names its process id
//   newer_format       the data was written by a newer version of this store
//   corrupt            a check of the data failed, or acknowledged writes were not recovered
//   configuration      the process may not open enough files; says how many
//   no_space, io       errors of the operating system
Result<std::unique_ptr<RecordStore>> open(const Options& options);

}  // namespace eventy::rocksdb
