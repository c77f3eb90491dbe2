// Opens a database so that gaps show with which RocksDB opens one without a word: a log file that ends early,
// between two of its records, with others behind it; or a list of tables (the manifest) that ends early, when
// the log that had the same is gone. Every write has a number, see copy_keys.hpp; a table says in its
// properties which number it goes up to, also when it was made of others. So the log must go on where the
// tables end. Within the log the sequence numbers of RocksDB must be without a gap; it is taken up to there.
#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <string>

namespace eventy::rocksdb::detail {

// For a database to which only batches with a number each are written. A corruption where something is
// missing between the tables and the log; `db` may be there nevertheless, to be closed.
::rocksdb::Status open_without_gap(::rocksdb::Options options, const std::string& path,
                                   std::unique_ptr<::rocksdb::DB>& db);

}  // namespace eventy::rocksdb::detail
