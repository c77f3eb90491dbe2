// Opens a database so that gaps show with which RocksDB opens one without a word: a log file that ends early,
// between two of its records, with others behind it; or a list of tables (the manifest) that ends early, when
// the log that had the same is gone. Every write has a number, under a key of the first column family; a
// table says in its properties which number it goes up to, also when it was made of others. So the log must
// go on where the tables end. Within the log of a database of copies the sequence numbers of RocksDB must be
// without a gap; it is taken up to there.
#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace eventy::rocksdb::detail {

// A database of copies: only batches with a number each are written to it (copy_keys.hpp). A corruption where
// something is missing between the tables and the log; `db` may be there nevertheless, to be closed.
::rocksdb::Status open_without_gap(::rocksdb::Options options, const std::string& path,
                                   std::unique_ptr<::rocksdb::DB>& db);

// A database of several families, whose writes put their number under this key into the first one. Where
// tables are of an earlier version, which did not note their numbers, nothing is looked for.
::rocksdb::Status open_without_gap(::rocksdb::DBOptions options, const std::string& path,
                                   std::vector<::rocksdb::ColumnFamilyDescriptor> families,
                                   std::string_view number_key,
                                   std::vector<::rocksdb::ColumnFamilyHandle*>& handles,
                                   std::unique_ptr<::rocksdb::DB>& db);

}  // namespace eventy::rocksdb::detail
