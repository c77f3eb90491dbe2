// A store around another one, which does as that does: what a test changes, it overrides.
#pragma once

#include "shell_session.hpp"

namespace eventy::support {

class ShellStore : public RecordStore {
 public:
  explicit ShellStore(std::unique_ptr<RecordStore> inner) : inner_(std::move(inner)) {}
  StoreFeatures features() const override { return inner_->features(); }
  Result<void> ensure_topics(const std::vector<TopicSpec>& topics) override {
    return inner_->ensure_topics(topics);
  }
  Result<std::vector<TopicSpec>> topics() const override { return inner_->topics(); }
  Result<std::unique_ptr<StoreSession>> open_session(const SessionOptions& options) override {
    return inner_->open_session(options);
  }
  Result<std::vector<Offset>> append(const std::string& topic,
                                     const std::vector<NewRecord>& records) override {
    return inner_->append(topic, records);
  }
  Result<std::unique_ptr<RecordReader>> read(const std::string& topic, PartitionId partition,
                                             Offset from) override {
    return inner_->read(topic, partition, from);
  }
  Result<Offset> end_of(const std::string& topic, PartitionId partition) const override {
    return inner_->end_of(topic, partition);
  }
  Result<Offset> position(const std::string& service, const std::string& topic,
                          PartitionId partition) const override {
    return inner_->position(service, topic, partition);
  }
  Result<void> scan(const std::string& service, const std::string& keyspace,
                    const StateVisitor& visit) const override {
    return inner_->scan(service, keyspace, visit);
  }

 protected:
  std::unique_ptr<RecordStore> inner_;
};

}  // namespace eventy::support
