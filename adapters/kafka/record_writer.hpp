// The store's RecordWriter: an idempotent producer whose delivery reports go to callbacks, on a thread of its
// own. Owned by a client of services. Any thread.
#pragma once

#include <list>
#include <map>
#include <mutex>
#include <thread>

#include "client.hpp"
#include "eventy/store/record_writer.hpp"

namespace eventy::kafka::detail {

class KafkaRecordWriter final : public RecordWriter {
 public:
  explicit KafkaRecordWriter(std::shared_ptr<Client> client) : client_(std::move(client)) {}
  ~KafkaRecordWriter() override { close(Duration(0)); }

  void write(const std::string& topic, PartitionId partition, NewRecord record, Done done) override;
  void close(Duration within) override;

 private:
  // A librdkafka producer with the thread that polls it. Ends with all its records reported.
  class Instance;
  struct KnownTopic {  // of an instance
    std::string name;  // as we call it
    Topic handle;
    const Client* client;
  };
  struct Delivery {  // of one record; librdkafka carries it to the report
    const KnownTopic* topic;
    std::size_t size;
    Done done;
  };
  Result<void> queue(const std::string& topic, PartitionId partition, const NewRecord& record, Done& done);
  static void report(const rd_kafka_message_t& message);
  static Error failed(const Delivery& delivery, const rd_kafka_message_t& message);
  Result<std::shared_ptr<Instance>> instance_for(const std::string& topic);
  Result<std::shared_ptr<Instance>> make_instance(std::size_t batch_size);

  std::shared_ptr<Client> client_;
  std::mutex mutex_ = {};  // guards what follows
  bool is_closed_ = false;
  std::shared_ptr<Instance> current_ = {};
  std::list<std::shared_ptr<Instance>> all_ = {};  // earlier ones still wait for reports
};

}  // namespace eventy::kafka::detail
