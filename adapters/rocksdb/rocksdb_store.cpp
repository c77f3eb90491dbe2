#include "eventy/rocksdb/rocksdb_store.hpp"

#include "core.hpp"
#include "keys.hpp"

namespace eventy::rocksdb {
namespace detail {
namespace {

class Reader final : public RecordReader {
 public:
  Reader(std::shared_ptr<Core> core, std::shared_ptr<Topic> topic, PartitionId partition, Offset from)
      : core_(std::move(core)), topic_(std::move(topic)), partition_(partition), next_(from) {}

  Result<std::shared_ptr<const Batch>> next(const PollLimits& limits) override {
    if (core_->database().writable()) {
      const Offset end{topic_->ends[partition_.value].load(std::memory_order_acquire)};
      return next_ < end ? read(end, limits) : std::shared_ptr<const Batch>(empty());
    }
    auto batch = read({}, limits);
    if (!batch || !(*batch)->records.empty()) return batch;
    // This process has read all that it knows of: check whether the writer added more.
    if (auto fresh = core_->database().refresh(); !fresh) return fresh.error();
    return read({}, limits);
  }

 private:
  std::shared_ptr<Batch> empty() const {
    auto batch = std::make_shared<Batch>();
    batch->partition = partition_, batch->next = next_;
    return batch;
  }

  Result<std::shared_ptr<const Batch>> read(std::optional<Offset> end, const PollLimits& limits) {
    auto batch = core_->read(*topic_, TopicIndex{}, partition_, next_, end, limits);
    if (batch) next_ = (*batch)->next;
    return batch;
  }

  std::shared_ptr<Core> core_;
  std::shared_ptr<Topic> topic_;
  PartitionId partition_;
  Offset next_;
};

class Store final : public RecordStore {
 public:
  explicit Store(std::shared_ptr<Core> core) : core_(std::move(core)) {}

  StoreFeatures features() const override {
    return {.durable = true, .multiple_members = false, .unknown_outcomes = false};
  }

  Result<void> ensure_topics(const std::vector<TopicSpec>& topics) override {
    if (auto fresh = refresh(); !fresh) return fresh;
    return core_->create_topics(topics);
  }
  Result<std::vector<TopicSpec>> topics() const override {
    if (auto fresh = refresh(); !fresh) return fresh.error();
    return core_->topics();
  }
  Result<std::unique_ptr<StoreSession>> open_session(const SessionOptions& options) override {
    if (!core_->database().writable())
      return Error{ErrorCode::permission_denied, core_->database().options().path.string() +
                                                     " is open for reading only, so it has no sessions"};
    return make_session(core_, options);
  }

  Result<std::vector<Offset>> append(const std::string& name, const std::vector<NewRecord>& records) override;

  Result<std::unique_ptr<RecordReader>> read(const std::string& name, PartitionId partition,
                                             Offset from) override {
    if (auto fresh = refresh(); !fresh) return fresh.error();
    auto topic = core_->known_topic(name, partition);
    if (!topic) return topic.error();
    if (from.value < 0) return Error{ErrorCode::invalid_argument, "a negative offset"};
    return std::unique_ptr<RecordReader>(std::make_unique<Reader>(core_, *topic, partition, from));
  }

  Result<Offset> end_of(const std::string& name, PartitionId partition) const override {
    if (auto fresh = refresh(); !fresh) return fresh.error();
    auto topic = core_->known_topic(name, partition);
    if (!topic) return topic.error();
    if (core_->database().writable())
      return Offset{(*topic)->ends[partition.value].load(std::memory_order_acquire)};
    return core_->stored_end(**topic, partition);
  }

  Result<Offset> position(const std::string& service, const std::string& name,
                          PartitionId partition) const override {
    if (auto fresh = refresh(); !fresh) return fresh.error();
    auto topic = core_->known_topic(name, partition);
    if (!topic) return topic.error();
    auto id = core_->find_id(named_key(service_prefix, service));
    if (!id) return id.error();
    if (!*id) return Offset{};
    const auto& database = core_->database();
    auto value = database.get(Family::positions, position_key(**id, (*topic)->id, partition.value));
    if (!value) return value.error();
    return Offset{*value ? static_cast<std::int64_t>(get64(**value)) : 0};
  }

  Result<void> scan(const std::string& service, const std::string& keyspace,
                    const StateVisitor& visit) const override;

 private:
  // A reader process learns what the writer has written since; a writer already knows.
  Result<void> refresh() const {
    if (core_->database().writable()) return {};
    if (auto fresh = core_->database().refresh(); !fresh) return fresh;
    return core_->load_topics();
  }

  std::shared_ptr<Core> core_;
};

Result<std::vector<Offset>> Store::append(const std::string& name, const std::vector<NewRecord>& records) {
  auto topic = core_->known_topic(name, PartitionId{});
  if (!topic) return topic.error();
  const std::uint32_t count = (*topic)->partitions();
  StagedChunks staged({count});
  std::vector<PartitionId> places;
  std::vector<Header> headers;
  for (const auto& record : records) {
    auto partition = place(record, name, count);
    if (!partition) return partition.error();
    places.push_back(*partition);
    headers.clear();
    for (const auto& [header, value] : record.headers) headers.push_back({header, value});
    staged.add(TopicIndex{}, *partition, record.key, record.value_or_null(), headers);
  }
  std::vector<Offset> offsets;
  if (staged.empty()) return offsets;
  std::set<std::uint32_t> changed;
  {
    std::lock_guard writer(core_->database().writer());
    std::vector<std::int64_t> ends;
    for (const auto& end : (*topic)->ends) ends.push_back(end.load(std::memory_order_relaxed));
    ::rocksdb::WriteBatch batch;
    core_->put(batch, staged, {*topic});
    if (auto written = core_->database().write(batch); !written) return written.error();
    for (const PartitionId partition : places) offsets.push_back(Offset{ends[partition.value]++});
    changed = Core::publish(staged, {*topic});
  }
  core_->wake_readers(changed);
  return offsets;
}

Result<void> Store::scan(const std::string& service, const std::string& keyspace,
                         const StateVisitor& visit) const {
  if (auto fresh = refresh(); !fresh) return fresh;
  const auto& database = core_->database();
  auto service_id = core_->find_id(named_key(service_prefix, service));
  if (!service_id) return service_id.error();
  if (!*service_id) return {};
  auto id = core_->find_id(keyspace_key(**service_id, keyspace));
  if (!id) return id.error();
  if (!*id) return {};
  const std::string prefix = value32(**id), end = behind(prefix);
  const auto bound = slice(end);
  ::rocksdb::ReadOptions how;
  how.iterate_upper_bound = &bound;
  const auto view = database.view();
  const auto it = view->iterator(Family::state, how);
  for (it->Seek(prefix); it->Valid(); it->Next()) {
    const auto key = bytes(it->key());
    if (!visit(PartitionId{get32(key.substr(4))}, key.substr(8), bytes(it->value()))) return {};
  }
  if (!it->status().ok())
    return database.error(
        it->status(), "cannot read keyspace " + printable(keyspace) + " of service " + printable(service));
  return {};
}

}  // namespace
}  // namespace detail

Result<std::unique_ptr<RecordStore>> open(const Options& options) {
  auto database = detail::Database::open(options);
  if (!database) return database.error();
  auto core = std::make_shared<detail::Core>(*std::move(database));
  if (auto loaded = core->load_topics(); !loaded) return loaded.error();
  return std::unique_ptr<RecordStore>(std::make_unique<detail::Store>(std::move(core)));
}

}  // namespace eventy::rocksdb
