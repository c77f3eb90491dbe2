#include "eventy/store/memory_store.hpp"

#include <algorithm>

#include "memory_impl.hpp"

namespace eventy {
namespace detail {

void MemoryLog::push(const ChunkBody& body) {
  char header[chunk_header_size];
  body.seal_header(end, header, Checksum::trust);
  auto chunk = std::make_shared<Chunk>();
  chunk->first = end;
  chunk->bytes.reserve(chunk_header_size + body.bytes.size() + value_padding);
  chunk->bytes.append(header, sizeof header).append(body.bytes).append(value_padding, '\0');
  chunk->view = std::string_view(chunk->bytes).substr(0, chunk_header_size + body.bytes.size());
  end.value += body.count;
  chunks.push_back(std::move(chunk));
}

Result<std::shared_ptr<const Batch>> MemoryLog::read(TopicIndex topic, PartitionId partition, Offset from,
                                                     const PollLimits& limits) const {
  auto batch = std::make_shared<Batch>();
  batch->topic = topic, batch->partition = partition, batch->next = from;
  auto at = std::upper_bound(chunks.begin(), chunks.end(), from,
                             [](Offset offset, const auto& chunk) { return offset < chunk->first; });
  if (at != chunks.begin()) --at;
  auto kept = std::make_shared<std::vector<std::shared_ptr<const Chunk>>>();
  std::size_t bytes = 0;
  for (; batch->next < end && at != chunks.end(); ++at) {
    if (batch->records.size() >= limits.max_records_per_batch || bytes >= limits.max_bytes_per_batch) break;
    if (!batch->records.empty() && batch->next < (*at)->first)
      break;  // the previous chunk was not read to its end
    auto stretch =
        select_records((*at)->view, batch->next,
                       {std::max<std::size_t>(limits.max_records_per_batch, 1) - batch->records.size(),
                        limits.max_bytes_per_batch - bytes, batch->records.empty()},
                       Checksum::trust);
    if (!stretch) return stretch.error();
    if (stretch->count == 0) break;
    if (batch->records.empty()) batch->records.reserve(stretch->count);
    index_records(*stretch, *batch);
    kept->push_back(*at);
    bytes += stretch->bytes.size();
    batch->next.value += stretch->count;
  }
  batch->keep = std::move(kept);
  return std::shared_ptr<const Batch>(std::move(batch));
}

class MemoryRecordReader final : public RecordReader {
 public:
  MemoryRecordReader(std::shared_ptr<MemoryImpl> store, std::string topic, PartitionId partition, Offset from)
      : store_(std::move(store)), topic_(std::move(topic)), partition_(partition), next_(from) {}

  Result<std::shared_ptr<const Batch>> next(const PollLimits& limits) override {
    std::lock_guard lock(store_->mutex);
    const MemoryLog& log = store_->topics.at(topic_)[partition_.value];
    auto batch = log.read(TopicIndex{}, partition_, next_, limits);
    if (batch) next_ = (*batch)->next;
    return batch;
  }

 private:
  std::shared_ptr<MemoryImpl> store_;
  std::string topic_;
  PartitionId partition_;
  Offset next_;
};

}  // namespace detail

MemoryStore::MemoryStore() : impl_(std::make_shared<detail::MemoryImpl>()) { impl_->self = impl_; }
MemoryStore::~MemoryStore() = default;

StoreFeatures MemoryStore::features() const {
  return {.durable = false, .multiple_members = true, .unknown_outcomes = true};
}

CountOf detail::MemoryImpl::count_of() const {
  return [this](const std::string& topic) -> std::optional<std::uint32_t> {
    auto it = topics.find(topic);
    if (it == topics.end()) return std::nullopt;
    return static_cast<std::uint32_t>(it->second.size());
  };
}

Result<void> MemoryStore::ensure_topics(const std::vector<TopicSpec>& topics) {
  std::lock_guard lock(impl_->mutex);
  for (const auto& topic : topics) {
    if (auto checked = check_topic(topic); !checked) return checked;
    auto has = impl_->count_of()(topic.name);
    if (has && *has != topic.partitions) return wrong_partition_count(topic.name, *has, topic.partitions);
  }
  for (const auto& topic : topics) impl_->topics[topic.name].resize(topic.partitions);
  return {};
}

Result<std::vector<TopicSpec>> MemoryStore::topics() const {
  std::lock_guard lock(impl_->mutex);
  std::vector<TopicSpec> result;
  for (const auto& [name, logs] : impl_->topics)
    result.push_back({name, static_cast<std::uint32_t>(logs.size())});
  return result;
}

Result<std::unique_ptr<StoreSession>> MemoryStore::open_session(const SessionOptions& options) {
  std::lock_guard lock(impl_->mutex);
  auto shape = check_session(options, impl_->count_of());
  if (!shape) return shape.error();
  if (auto started = impl_->start(options, *shape); !started) return started.error();
  auto member = std::make_shared<detail::MemoryMember>();
  member->options = options;
  member->shape = *std::move(shape);
  member->open = std::make_unique<detail::MemoryCycle>(member->shape.counts);
  return detail::make_memory_session(impl_, impl_->join(member));
}

Result<std::vector<Offset>> MemoryStore::append(const std::string& topic,
                                                const std::vector<NewRecord>& records) {
  std::lock_guard lock(impl_->mutex);
  auto it = impl_->topics.find(topic);
  if (it == impl_->topics.end()) return no_topic(topic);
  const auto count = static_cast<std::uint32_t>(it->second.size());
  std::vector<PartitionId> places;
  for (const auto& record : records) {
    auto partition = place(record, topic, count);
    if (!partition) return partition.error();
    places.push_back(*partition);
  }
  StagedChunks staged({count});
  std::vector<Offset> offsets, ends;
  for (const auto& log : it->second) ends.push_back(log.end);
  std::vector<Header> headers;
  for (std::size_t i = 0; i < records.size(); ++i) {
    headers.clear();
    for (const auto& [name, value] : records[i].headers) headers.push_back({name, value});
    staged.add(TopicIndex{}, places[i], records[i].key, records[i].value_or_null(), headers);
    offsets.push_back(Offset{ends[places[i].value].value++});
  }
  SessionOptions as;
  as.topics = {topic};
  impl_->store(as, staged);
  return offsets;
}

Result<std::unique_ptr<RecordReader>> MemoryStore::read(const std::string& topic, PartitionId partition,
                                                        Offset from) {
  std::lock_guard lock(impl_->mutex);
  auto it = impl_->topics.find(topic);
  if (it == impl_->topics.end()) return no_topic(topic);
  if (partition.value >= it->second.size()) return no_partition(topic, partition);
  if (from.value < 0) return Error{ErrorCode::invalid_argument, "a negative offset"};
  return std::unique_ptr<RecordReader>(
      std::make_unique<detail::MemoryRecordReader>(impl_, topic, partition, from));
}

Result<Offset> MemoryStore::end_of(const std::string& topic, PartitionId partition) const {
  std::lock_guard lock(impl_->mutex);
  auto it = impl_->topics.find(topic);
  if (it == impl_->topics.end()) return no_topic(topic);
  if (partition.value >= it->second.size()) return no_partition(topic, partition);
  return it->second[partition.value].end;
}

Result<Offset> MemoryStore::position(const std::string& service, const std::string& topic,
                                     PartitionId partition) const {
  if (auto end = end_of(topic, partition); !end) return end.error();
  std::lock_guard lock(impl_->mutex);
  auto it = impl_->services.find(service);
  if (it == impl_->services.end()) return Offset{};
  auto position = it->second.positions.find({topic, partition});
  return position == it->second.positions.end() ? Offset{} : position->second;
}

Result<void> MemoryStore::scan(const std::string& service, const std::string& keyspace,
                               const StateVisitor& visit) const {
  std::vector<std::pair<PartitionId, detail::MemoryKeyspace>> view;  // a copy: the visitor may call the store
  {
    std::lock_guard lock(impl_->mutex);
    auto it = impl_->services.find(service);
    if (it == impl_->services.end()) return {};
    for (const auto& [where, keys] : it->second.state) {
      if (where.first == keyspace) view.emplace_back(where.second, keys);
    }
  }
  for (const auto& [partition, keys] : view) {
    for (const auto& [key, value] : keys) {
      if (!visit(partition, key, value)) return {};
    }
  }
  return {};
}

}  // namespace eventy
