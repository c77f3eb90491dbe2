// Opens a database and detects gaps that RocksDB ignores: a log file that ends early, between two of its
// records, and is followed by other log files; or a manifest that ends early after the log with the same
// writes was removed. Every write puts its number under a key of the first column family. The properties of a
// table hold the number of its last write, also after compaction. So the log must continue where the tables
// end. In a database of copies, the sequence numbers in the log must have no gap; the log is replayed up to
// the first one.
#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace eventy::rocksdb::detail {

// Opens a database of copies, in which every batch has a number (copy_keys.hpp). Returns Corruption if writes
// are missing between the tables and the log; the caller must close `db` if it is set even so.
::rocksdb::Status open_without_gap(::rocksdb::Options options, const std::string& path,
                                   std::unique_ptr<::rocksdb::DB>& db);

// Opens a database of several families; its writes put their number under `number_key` into the first one.
// If a table is of an earlier version, which did not record the number, it checks nothing.
::rocksdb::Status open_without_gap(::rocksdb::DBOptions options, const std::string& path,
                                   std::vector<::rocksdb::ColumnFamilyDescriptor> families,
                                   std::string_view number_key,
                                   std::vector<::rocksdb::ColumnFamilyHandle*>& handles,
                                   std::unique_ptr<::rocksdb::DB>& db);

}  // namespace eventy::rocksdb::detail
