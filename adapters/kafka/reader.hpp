// Reading one topic partition from an offset on, beside every group: for RecordReader and for restores.
#pragma once

#include <functional>

#include "client.hpp"

namespace eventy::kafka::detail {

class PartitionReader {
 public:
  static Result<std::unique_ptr<PartitionReader>> open(Client& client, const std::string& topic,
                                                       PartitionId partition, Offset from);

  Offset next() const { return next_; }  // behind what was read, and behind what no one can read
  // Reads up to `end`, or until `take` returns false; committed records only. What is not decided is waited
  // for a moment, for a commit may be acknowledged before it can be read; then reading ends before it.
  // timed_out if nothing else comes for the request timeout.
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
