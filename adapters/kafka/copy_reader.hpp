// The committed states of a partition, read from its local copy while the session owns the partition. Shared
// by the session and the partition's task; any thread may call get().
#pragma once

#include <atomic>

#include "session_identity.hpp"

namespace eventy::kafka::detail {

class CopyReader final : public StateReader {
 public:
  CopyReader(std::shared_ptr<const LocalState> copy, const SessionOptions& options, PartitionId partition,
             std::string changelog)
      : copy_(std::move(copy)),
        changelog_(std::move(changelog)),
        keyspaces_(options.keyspaces),
        service_(options.service),
        partition_(partition) {}
  Result<std::optional<std::string>> get(KeyspaceIndex keyspace, std::string_view key) const override {
    if (keyspace.value >= keyspaces_.size())
      return Error{ErrorCode::invalid_argument, "a keyspace that the session did not name"};
    if (gone_)
      return Error{ErrorCode::fenced, "this session of service " + printable(service_) +
                                          " no longer owns partition " + std::to_string(partition_.value)};
    return copy_->get(changelog_key(keyspaces_[keyspace.value], key));
  }
  std::string place() const override {
    const auto reached = copy_->place();
    return "topic " + printable(changelog_) + " partition " + std::to_string(partition_.value) +
           (reached ? " before offset " + std::to_string(reached->next.value) : std::string());
  }
  void end() { gone_ = true; }

 private:
  std::shared_ptr<const LocalState> copy_;
  std::string changelog_;  // its name in Kafka
  std::vector<std::string> keyspaces_;
  std::string service_;
  PartitionId partition_;
  std::atomic<bool> gone_ = false;
};

}  // namespace eventy::kafka::detail
