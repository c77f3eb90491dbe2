// Reads one topic partition from an offset on, outside any group: for RecordReader and scan(). Belongs to one
// thread at a time.
#pragma once

#include <functional>

#include "client.hpp"

namespace eventy::kafka::detail {

class PartitionReader {
 public:
  static Result<std::unique_ptr<PartitionReader>> open(Client& client, const std::string& topic,
                                                       PartitionId partition, Offset from);

  Offset next() const { return next_; }  // after what was read, transaction markers included
  // Reads committed records up to `end`, or until `take` returns false. Waits half a second for open
  // transactions, for a commit may be acknowledged before it can be read; then reading ends before them.
  // timed_out if no record arrives within the request timeout.
  Result<void> read_to(Offset end, const std::function<bool(Message)>& take);

 private:
  PartitionReader(Client& client, std::string topic, PartitionId partition, Offset from)
      : client_(client), topic_(std::move(topic)), partition_(partition), next_(from) {}

  Client& client_;
  std::string topic_;
  PartitionId partition_;
  Offset next_;
  Handle handle_ = {};
};

}  // namespace eventy::kafka::detail
