// A service's session on Kafka: Inputs reads, CycleWriter writes, PartitionPreparer prepares what the group
// assigns, and Monitor checks topics and group from time to time. All meet on the thread that owns the
// session, as StoreSession says; what other threads find out is handled in its next poll().
#pragma once

#include "client.hpp"

namespace eventy::kafka::detail {

// As RecordStore::open_session().
Result<std::unique_ptr<StoreSession>> make_session(std::shared_ptr<Client> client,
                                                   const SessionOptions& options);

}  // namespace eventy::kafka::detail
