// The store on Kafka with sessions whose cycles are short and that write in cycles only: outputs, states and
// positions go into the transaction as they come, and not at the commit.
// ctest: TIMEOUT 900 KAFKA
#include "kafka_subject.hpp"

#define CAF_SUITE conformance_kafka_short_cycles
#include "caf/test/unit_test.hpp"

namespace {

using namespace eventy;
using namespace eventy::conformance;

// The store of a subject, with other sessions.
class ShortCycles final : public RecordStore {
 public:
  explicit ShortCycles(Subject& subject) : subject_(subject) {}
  StoreFeatures features() const override { return store().features(); }
  Result<void> ensure_topics(const std::vector<TopicSpec>& topics) override {
    return store().ensure_topics(topics);
  }
  Result<std::vector<TopicSpec>> topics() const override { return store().topics(); }
  Result<std::unique_ptr<StoreSession>> open_session(const SessionOptions& options) override {
    SessionOptions short_cycles = options;
    short_cycles.output_mode = OutputMode::transactional_only;
    short_cycles.cycle_interval = Duration(1);
    return store().open_session(short_cycles);
  }
  Result<std::vector<Offset>> append(const std::string& topic,
                                     const std::vector<NewRecord>& records) override {
    return store().append(topic, records);
  }
  Result<std::unique_ptr<RecordReader>> read(const std::string& topic, PartitionId partition,
                                             Offset from) override {
    return store().read(topic, partition, from);
  }
  Result<Offset> end_of(const std::string& topic, PartitionId partition) const override {
    return store().end_of(topic, partition);
  }
  Result<Offset> position(const std::string& service, const std::string& topic,
                          PartitionId partition) const override {
    return store().position(service, topic, partition);
  }
  Result<void> scan(const std::string& service, const std::string& keyspace,
                    const StateVisitor& visit) const override {
    return store().scan(service, keyspace, visit);
  }

 private:
  RecordStore& store() const { return subject_.store(); }

  Subject& subject_;
};

class KafkaWithShortCycles final : public Subject {
 public:
  RecordStore& store() override { return sessions_; }
  void reopen() override { kafka_.reopen(); }
  bool waits_for_open_cycles() const override { return true; }

 private:
  Kafka kafka_ = {};
  ShortCycles sessions_{kafka_};
};

// Such a session does not write at once beside its cycles.
const bool added = add_store_suite(CAF_XSTR(CAF_SUITE), kafka_features, false,
                                   [] { return std::make_unique<KafkaWithShortCycles>(); },
                                   {"writes_at_once_and_keeps_it_after_an_abort"});

}  // namespace
