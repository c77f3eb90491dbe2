#include "core.hpp"

#include <algorithm>

#include "keys.hpp"

namespace eventy::rocksdb::detail {

Result<void> Core::load_topics() {
  const std::string prefix(1, topic_prefix), end = behind(prefix);
  const auto end_slice = slice(end);
  ::rocksdb::ReadOptions how;
  how.iterate_upper_bound = &end_slice;
  const auto view = database_->view();
  const auto it = view->iterator(Family::meta, how);
  for (it->Seek(prefix); it->Valid(); it->Next()) {
    const std::string name(bytes(it->key()).substr(1));
    if (topic(name)) continue;
    const auto value = bytes(it->value());
    if (value.size() != 8)
      return Error{ErrorCode::corrupt, "the entry of topic " + printable(name) + " has the wrong size"};
    auto topic = std::make_shared<Topic>();
    topic->name = name;
    topic->id = get32(value);
    topic->ends.resize(get32(value.substr(4)));
    for (std::uint32_t p = 0; database_->writable() && p < topic->partitions(); ++p) {
      auto stored = stored_end(*topic, PartitionId{p});
      if (!stored) return stored.error();
      topic->ends[p] = stored->value;
    }
    std::lock_guard lock(topics_mutex_);
    topics_.emplace(name, std::move(topic));
  }
  if (!it->status().ok()) return database_->error(it->status(), "cannot read the list of topics");
  return {};
}

std::shared_ptr<Topic> Core::topic(const std::string& name) const {
  std::lock_guard lock(topics_mutex_);
  auto it = topics_.find(name);
  return it == topics_.end() ? nullptr : it->second;
}

Result<std::shared_ptr<Topic>> Core::known_topic(const std::string& name, PartitionId partition) const {
  auto found = topic(name);
  if (!found) return no_topic(name);
  if (partition.value < found->partitions()) return found;
  return no_partition(name, partition);
}

std::vector<TopicSpec> Core::topics() const {
  std::lock_guard lock(topics_mutex_);
  std::vector<TopicSpec> result;
  for (const auto& [name, topic] : topics_) result.push_back({name, topic->partitions()});
  return result;
}

Result<void> Core::create_topics(const std::vector<TopicSpec>& wanted) {
  std::lock_guard writer(database_->writer());
  ::rocksdb::WriteBatch batch;
  std::map<std::string, std::shared_ptr<Topic>> created;
  auto next = database_->get(Family::meta, next_id_key);
  if (!next) return next.error();
  std::uint32_t id = *next ? get32(**next) : 1;
  for (const auto& spec : wanted) {
    if (auto checked = check_topic(spec); !checked) return checked;
    auto known = topic(spec.name);
    if (!known && created.contains(spec.name)) known = created.at(spec.name);
    if (known && known->partitions() != spec.partitions)
      return wrong_partition_count(spec.name, known->partitions(), spec.partitions);
    if (known) continue;
    auto& topic = created[spec.name] = std::make_shared<Topic>();
    topic->name = spec.name;
    topic->id = id++;
    topic->ends.resize(spec.partitions);
    auto status = batch.Put(database_->family(Family::meta), named_key(topic_prefix, spec.name),
                            pair_key(topic->id, spec.partitions));
    if (!status.ok()) return database_->error(status, "cannot create topic " + printable(spec.name));
  }
  if (created.empty()) return {};
  if (auto status = batch.Put(database_->family(Family::meta), next_id_key, value32(id)); !status.ok())
    return database_->error(status, "cannot create topics");
  if (auto written = database_->write(batch); !written) return written;
  std::lock_guard lock(topics_mutex_);
  topics_.merge(created);
  return {};
}

Result<std::optional<std::uint32_t>> Core::find_id(const std::string& key) const {
  auto value = database_->get(Family::meta, key);
  if (!value) return value.error();
  if (!*value) return std::optional<std::uint32_t>();
  if ((*value)->size() != 4)
    return Error{ErrorCode::corrupt, "the entry of " + printable(key) + " has the wrong size"};
  return std::optional(get32(**value));
}

Result<std::uint32_t> Core::id_of(const std::string& key) {
  auto known = find_id(key);
  if (!known) return known.error();
  if (*known) return **known;
  auto next = find_id(next_id_key);
  if (!next) return next.error();
  const std::uint32_t id = next->value_or(1);
  ::rocksdb::WriteBatch batch;
  auto status = batch.Put(database_->family(Family::meta), key, value32(id));
  if (status.ok()) status = batch.Put(database_->family(Family::meta), next_id_key, value32(id + 1));
  if (!status.ok()) return database_->error(status, "cannot store a name");
  if (auto written = database_->write(batch); !written) return written.error();
  return id;
}

void Core::put(::rocksdb::WriteBatch& batch, StagedChunks& outputs,
               const std::vector<std::shared_ptr<Topic>>& topics) const {
  for (const auto* run : outputs.runs()) {
    const Topic& topic = *topics[run->topic.value];
    std::int64_t next = topic.ends[run->partition.value].load(std::memory_order_relaxed);
    for (const ChunkBody& chunk : run->chunks) {
      char header[chunk_header_size];
      chunk.seal_header(Offset{next}, header, Checksum::verify, chunk_place(topic, run->partition));
      next += chunk.count;
      const std::string key = record_key(topic.id, run->partition.value, next - 1);
      const ::rocksdb::Slice key_slice = slice(key);
      const ::rocksdb::Slice parts[] = {{header, sizeof header}, slice(chunk.bytes)};
      // Fails only for a batch over 4 GiB, which max_cycle_bytes excludes; write() would fail as well.
      (void)batch
          .Put(database_->family(Family::records), ::rocksdb::SliceParts(&key_slice, 1),
               ::rocksdb::SliceParts(parts, 2))
          .ok();
    }
  }
}

std::set<std::uint32_t> Core::publish(StagedChunks& outputs,
                                      const std::vector<std::shared_ptr<Topic>>& topics) {
  std::set<std::uint32_t> changed;
  for (const auto* run : outputs.runs()) {
    Topic& topic = *topics[run->topic.value];
    std::int64_t count = 0;
    for (const ChunkBody& chunk : run->chunks) count += chunk.count;
    topic.ends[run->partition.value].fetch_add(count, std::memory_order_release);
    changed.insert(topic.id);
  }
  return changed;
}

void Core::enter(const std::shared_ptr<SessionEntry>& entry) {
  std::lock_guard lock(sessions_mutex_);
  for (const auto& other : sessions_) {
    if (other->service != entry->service) continue;
    other->fenced = true;
    if (other->wake) other->wake();
  }
  std::erase_if(sessions_, [](const auto& other) { return other->fenced.load(); });
  sessions_.push_back(entry);
}

void Core::leave(const std::shared_ptr<SessionEntry>& entry) {
  std::lock_guard lock(sessions_mutex_);
  std::erase(sessions_, entry);
  entry->wake = nullptr;
}

void Core::set_wake(SessionEntry& entry, std::function<void()> wake) {
  std::lock_guard lock(sessions_mutex_);
  entry.wake = std::move(wake);
}

void Core::wake(SessionEntry& entry) {
  std::lock_guard lock(sessions_mutex_);
  if (entry.wake) entry.wake();
}

void Core::wake_readers(const std::set<std::uint32_t>& topics) {
  std::lock_guard lock(sessions_mutex_);
  for (const auto& entry : sessions_) {
    const bool reads = std::any_of(topics.begin(), topics.end(),
                                   [&](std::uint32_t topic) { return entry->reads.contains(topic); });
    if (reads && entry->wake) entry->wake();
  }
}

}  // namespace eventy::rocksdb::detail
