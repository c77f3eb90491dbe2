#include "eventy/kafka/kafka_store.hpp"

#include "batch_builder.hpp"
#include "changelog.hpp"
#include "client.hpp"
#include "eventy/store/rules.hpp"
#include "producer.hpp"
#include "reader.hpp"
#include "record_writer.hpp"
#include "session.hpp"
#include "topic_reader.hpp"

namespace eventy::kafka {
namespace detail {
namespace {

class Reader final : public RecordReader {
 public:
  Reader(std::shared_ptr<Client> client, std::string topic, PartitionId partition, Offset from)
      : client_(std::move(client)), topic_(std::move(topic)), partition_(partition), next_(from) {}

  Result<std::shared_ptr<const Batch>> next(const PollLimits& limits) override {
    BatchBuilder batch(TopicIndex{}, partition_);
    batch.set_next(next_);
    // Open transactions count: a commit may be acknowledged before it can be read.
    auto ends = client_->offset_range(topic_, partition_, Isolation::read_uncommitted);
    if (!ends) return ends.error();
    next_ = std::max(next_, ends->first);
    if (next_ < ends->end) {
      if (!reader_) {
        auto opened = PartitionReader::open(*client_, topic_, partition_, next_);
        if (!opened) return opened.error();
        reader_ = *std::move(opened);
      }
      auto read = reader_->read_to(ends->end, [&](Message message) {
        batch.add(std::move(message));
        return batch.records() < std::max<std::size_t>(limits.max_records_per_batch, 1) &&
               batch.bytes() < limits.max_bytes_per_batch;
      });
      if (!read) return read.error();
      next_ = reader_->next();
      batch.set_next(next_);
    }
    return batch.finish();
  }

 private:
  std::shared_ptr<Client> client_;
  std::string topic_;
  PartitionId partition_;
  Offset next_;
  std::unique_ptr<PartitionReader> reader_ = {};
};

// Connections, and pipes that wake librdkafka's threads: 42 with one broker, and about 10 for each further
// one.
constexpr std::uint32_t files_of_a_session = 96;

class Store final : public RecordStore {
 public:
  explicit Store(std::shared_ptr<Client> client) : client_(std::move(client)), producer_(client_) {}

  StoreFeatures features() const override {
    return {.durable = true,
            .multiple_members = true,
            .unknown_outcomes = true,
            .arbitrary_names = false,
            .files_per_session = files_of_a_session};
  }
  Result<void> ensure_topics(const std::vector<TopicSpec>& topics) override {
    return client_->ensure(topics, Cleanup::keep);
  }
  Result<std::vector<TopicSpec>> topics() const override {
    auto all = client_->topics();
    if (!all) return all.error();
    std::vector<TopicSpec> result;
    for (const auto& [name, partitions] : *all)
      if (!name.ends_with(changelog_of(""))) result.push_back({name, partitions});
    return result;
  }
  Result<std::unique_ptr<StoreSession>> open_session(const SessionOptions& options) override {
    return make_session(client_, options);
  }

  Result<std::vector<Offset>> append(const std::string& topic,
                                     const std::vector<NewRecord>& records) override {
    auto count = known(topic, PartitionId{});
    if (!count) return count.error();
    std::vector<Client::Outgoing> outgoing;
    for (const auto& record : records) {
      auto partition = place(record, topic, *count);
      if (!partition) return partition.error();
      auto& out = outgoing.emplace_back();
      out.to = {client_->name_in_kafka(topic), static_cast<std::int32_t>(partition->value)};
      if (record.key) out.key = *record.key;
      out.value = record.value_or_null();
      for (const auto& [name, value] : record.headers) out.headers.emplace_back(name, value);
    }
    return producer_.write(outgoing);
  }

  Result<std::unique_ptr<RecordReader>> read(const std::string& topic, PartitionId partition,
                                             Offset from) override {
    if (auto count = known(topic, partition); !count) return count.error();
    if (from.value < 0) return Error{ErrorCode::invalid_argument, "a negative offset"};
    return std::unique_ptr<RecordReader>(std::make_unique<Reader>(client_, topic, partition, from));
  }

  Result<std::unique_ptr<RecordWriter>> open_writer() override {
    return std::unique_ptr<RecordWriter>(std::make_unique<KafkaRecordWriter>(client_));
  }
  Result<std::unique_ptr<TopicReader>> open_topic_reader() override {
    return std::unique_ptr<TopicReader>(std::make_unique<KafkaTopicReader>(client_));
  }

  Result<Offset> end_of(const std::string& topic, PartitionId partition) const override {
    if (auto count = known(topic, partition); !count) return count.error();
    auto ends = client_->offset_range(topic, partition);
    if (!ends) return ends.error();
    return ends->end;
  }

  Result<Offset> position(const std::string& service, const std::string& topic,
                          PartitionId partition) const override {
    if (auto count = known(topic, partition); !count) return count.error();
    auto found =
        client_->committed(client_->name_in_kafka(service),
                           {{client_->name_in_kafka(topic), static_cast<std::int32_t>(partition.value)}});
    if (!found) return found.error();
    return found->at(0).next.value_or(Offset{});
  }

  Result<void> scan(const std::string& service, const std::string& keyspace,
                    const StateVisitor& visit) const override;

 private:
  Result<std::uint32_t> known(const std::string& topic, PartitionId partition) const {
    auto count = client_->partitions_of(topic);
    if (!count) return count.error();
    if (!*count) return no_topic(topic);
    if (partition.value < **count) return **count;
    return no_partition(topic, partition);
  }

  std::shared_ptr<Client> client_;
  Producer producer_;  // of append()
};

Result<void> Store::scan(const std::string& service, const std::string& keyspace,
                         const StateVisitor& visit) const {
  const std::string topic = changelog_of(service);
  auto count = client_->partitions_of(topic);
  if (!count) return count.error();
  std::map<std::pair<std::uint32_t, std::string>, std::string> found;
  for (std::uint32_t p = 0; p < count->value_or(0); ++p) {
    auto ends = client_->offset_range(topic, PartitionId{p}, Isolation::read_uncommitted);
    if (!ends) return ends.error();
    if (ends->first >= ends->end) continue;
    auto reader = PartitionReader::open(*client_, topic, PartitionId{p}, ends->first);
    if (!reader) return reader.error();
    auto read = (*reader)->read_to(ends->end, [&](const Message& m) {
      const auto key = split_changelog_key({static_cast<const char*>(m->key), m->key_len});
      if (!key || key->keyspace != keyspace) return true;
      const std::pair place{p, std::string(key->key)};
      if (m->payload) {
        found[place].assign(static_cast<const char*>(m->payload), m->len);
      } else {
        found.erase(place);
      }
      return true;
    });
    if (!read) return read;
  }
  for (const auto& [place, value] : found)
    if (!visit(PartitionId{place.first}, place.second, value)) break;
  return {};
}

}  // namespace
}  // namespace detail

Result<std::unique_ptr<RecordStore>> open(const Options& options) {
  auto client = detail::Client::make(options);
  if (!client) return client.error();
  return std::unique_ptr<RecordStore>(std::make_unique<detail::Store>(*std::move(client)));
}

}  // namespace eventy::kafka
