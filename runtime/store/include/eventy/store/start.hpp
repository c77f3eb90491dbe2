// Where a service begins in a topic partition that it has no position for, as SessionOptions::start says. For
// authors of stores: a session asks once for each such topic partition and commits the answer. Pure
// functions; any thread may call them.
#pragma once

#include "eventy/store/record_store.hpp"

namespace eventy {

struct StartRange {
  Offset first = {};  // of the records that are there
  Offset end = {};    // the end offset
};
// The offset of the first record of this date or a later one; the end offset: there is none.
using FindDate = std::function<Result<Offset>(WallTime)>;

// ErrorCode::configuration for an offset that is not given or not there.
Result<Offset> start_of(const SessionOptions& options, const std::string& topic, PartitionId partition,
                        const StartRange& range, const FindDate& find_date);

// For stores that keep no dates: reads the records from the first one on and asks options.date_of. `read`
// returns at least one record at offsets below the end.
using ReadFrom = std::function<Result<std::shared_ptr<const Batch>>(Offset)>;
Result<Offset> start_by_reading(const SessionOptions& options, const std::string& topic,
                                PartitionId partition, const StartRange& range, const ReadFrom& read);

}  // namespace eventy
