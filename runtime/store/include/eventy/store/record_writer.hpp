// Writes records outside of commit cycles, from any thread and without waiting. A client of services owns
// one. Made by RecordStore::open_writer().
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "eventy/store/record_store.hpp"

namespace eventy {

class RecordWriter {
 public:
  // The offset of the record, once it is stored. An error says that it is not stored; unknown_outcome: nobody
  // knows, as after a timeout.
  using Done = std::function<void(Result<Offset>)>;

  virtual ~RecordWriter() = default;  // calls close()
  // Queues a record for a partition of an existing topic and copies what it needs. `done` is called once: on
  // a thread of the writer, or by the caller if the record cannot be queued. It must not throw. The records
  // that one thread writes to a topic partition keep their order. The queue has no bound: the caller has one.
  virtual void write(const std::string& topic, PartitionId partition, NewRecord record, Done done) = 0;
  // Takes no more records and waits at most so long for those in the queue. Then the rest ends with closed,
  // or unknown_outcome if they were sent.
  virtual void close(Duration within) = 0;
};

// A writer for stores whose append() is one transaction: what comes while a transaction is being written is
// written together by the next one. The thread is its own; `store` must outlive it.
std::unique_ptr<RecordWriter> make_group_writer(RecordStore& store);

}  // namespace eventy
