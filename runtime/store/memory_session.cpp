// Sessions of the memory store: what they poll, stage, commit and undo.
#include <algorithm>

#include "memory_impl.hpp"

namespace eventy {

using Fate = MemoryStore::CommitFate;
using detail::MemoryMember;
using Hold = detail::MemoryMember::Hold;

void detail::MemoryCycle::clear() {
  outputs.clear();
  positions.clear();
  state.clear();
  partitions.clear();
}

void detail::MemoryImpl::wake_readers(const std::set<std::string>& changed) {
  for (auto& [name, service] : services) {
    for (const auto& member : service.members) {
      const bool reads = std::any_of(
          member->shape.inputs.begin(), member->shape.inputs.end(),
          [&](TopicIndex topic) { return changed.contains(member->options.topics[topic.value]); });
      if (reads) member->notify();
    }
  }
}

void detail::MemoryImpl::store(const SessionOptions& options, StagedChunks& outputs) {
  std::set<std::string> changed;
  for (const auto* run : outputs.runs()) {
    const std::string& topic = options.topics[run->topic.value];
    for (const ChunkBody& chunk : run->chunks) topics.at(topic)[run->partition.value].push(chunk);
    changed.insert(topic);
  }
  wake_readers(changed);
}

// Decides the outcome of a commit and, if it is committed, makes it visible. poll() reports it to the
// session.
void detail::MemoryImpl::apply(MemoryMember& member, Fate fate, std::unique_ptr<detail::MemoryCycle> cycle) {
  auto& flight = *member.in_flight;
  flight.fate = fate;
  for (const PartitionId partition : cycle->partitions) {
    auto it = member.owned.find(partition);
    if (it != member.owned.end() && it->second.hold != Hold::lost) continue;
    flight.fate = Fate::aborts;
    flight.refused = Error{ErrorCode::fenced, "service " + printable(member.options.service) +
                                                  " lost partition " + std::to_string(partition.value)};
  }
  if (flight.fate == Fate::held) {
    flight.held = std::move(cycle);
    return;
  }
  if (flight.fate == Fate::aborts || flight.fate == Fate::unknown_and_aborted) return;
  Service& service = services[member.options.service];
  for (const auto& p : cycle->positions)
    service.positions[{member.options.topics[p.next.topic.value], p.partition}] = p.next.next;
  for (auto& [partition, change] : cycle->state) {
    auto& keys = service.state[{member.options.keyspaces[change.keyspace.value], partition}];
    if (change.value) {
      keys.insert_or_assign(std::move(change.key), *std::move(change.value));
    } else {
      keys.erase(change.key);
    }
  }
  store(member.options, cycle->outputs);
}

void detail::MemoryImpl::commit(MemoryMember& member, CycleId cycle) {
  auto& fates = services[member.options.service].fates;
  Fate fate = Fate::commits;
  if (!fates.empty()) {
    fate = fates.front();
    fates.pop_front();
  }
  auto closed = std::exchange(member.open, std::make_unique<detail::MemoryCycle>(member.shape.counts));
  member.in_flight = MemoryMember::InFlight{.cycle = cycle};
  apply(member, fate, std::move(closed));
  member.notify();
}

void detail::MemoryImpl::rewind(MemoryMember& member) {
  member.open->clear();
  Service& service = services[member.options.service];
  for (auto& [partition, owned] : member.owned) {
    for (auto& [topic, cursor] : owned.cursor) {
      auto it = service.positions.find({member.options.topics[topic.value], partition});
      cursor = it == service.positions.end() ? Offset{} : it->second;
    }
  }
  // A held commit counts as committed; if it aborts later, poll() rewinds again.
  if (!member.in_flight || !member.in_flight->held) return;
  for (const auto& p : member.in_flight->held->positions) {
    auto it = member.owned.find(p.partition);
    if (it != member.owned.end()) it->second.cursor[p.next.topic] = p.next.next;
  }
}

namespace {

class MemoryStateReader final : public StateReader {
 public:
  MemoryStateReader(std::shared_ptr<detail::MemoryImpl> store, const detail::MemoryMember& member,
                    PartitionId partition, std::shared_ptr<std::atomic<bool>> readable)
      : store_(std::move(store)),
        service_(member.options.service),
        keyspaces_(member.options.keyspaces),
        partition_(partition),
        readable_(std::move(readable)) {}

  Result<std::optional<std::string>> get(KeyspaceIndex keyspace, std::string_view key) const override {
    if (keyspace.value >= keyspaces_.size())
      return Error{ErrorCode::invalid_argument, "a keyspace that the session did not name"};
    std::lock_guard lock(store_->mutex);
    if (!readable_->load())
      return Error{ErrorCode::fenced, "service " + printable(service_) + " no longer owns partition " +
                                          std::to_string(partition_.value)};
    const auto& state = store_->services[service_].state;
    auto keys = state.find({keyspaces_[keyspace.value], partition_});
    if (keys == state.end()) return std::optional<std::string>();
    auto it = keys->second.find(key);
    return it == keys->second.end() ? std::optional<std::string>() : std::optional(it->second);
  }

 private:
  std::shared_ptr<detail::MemoryImpl> store_;
  std::string service_;
  std::vector<std::string> keyspaces_;
  PartitionId partition_;
  std::shared_ptr<std::atomic<bool>> readable_;
};

class MemorySession final : public StoreSession {
 public:
  MemorySession(std::shared_ptr<detail::MemoryImpl> store, std::shared_ptr<detail::MemoryMember> member)
      : store_(std::move(store)), member_(std::move(member)) {}
  ~MemorySession() override { close(); }

  Result<std::vector<StoreEvent>> poll(const PollLimits& limits) override {
    std::lock_guard lock(store_->mutex);
    auto& m = *member_;
    if (m.ended) return *m.ended;
    std::vector<StoreEvent> events;
    if (!report_commit(events)) return events;
    for (auto& event : m.events) events.push_back(std::move(event));
    m.events.clear();
    for (auto& [partition, owned] : m.owned) {
      if (owned.hold != Hold::active || m.paused.contains(partition)) continue;
      for (auto& [topic, cursor] : owned.cursor) {
        const auto& log = store_->topics.at(m.options.topics[topic.value])[partition.value];
        if (cursor >= log.end) continue;
        auto batch = log.read(topic, partition, cursor, limits);
        if (!batch) return batch.error();
        cursor = (*batch)->next;
        events.emplace_back(Records{*std::move(batch)});
      }
    }
    return events;
  }

  void on_ready(std::function<void()> wake) override {
    std::lock_guard lock(store_->mutex);
    member_->wake = std::move(wake);
  }
  void pause(PartitionId partition) override {
    std::lock_guard lock(store_->mutex);
    member_->paused.insert(partition);
  }
  void resume(PartitionId partition) override {
    std::lock_guard lock(store_->mutex);
    member_->paused.erase(partition);
    member_->notify();
  }

  Result<void> append(std::shared_ptr<const SliceEffects> slice) override {
    const SliceEffects& effects = *slice;
    std::lock_guard lock(store_->mutex);
    auto& m = *member_;
    if (m.ended) return *m.ended;
    if (auto checked = check_effects(effects, m.options, m.shape); !checked) return checked;
    if (!m.owned.contains(effects.partition))
      return Error{ErrorCode::invalid_argument, "partition " + std::to_string(effects.partition.value) +
                                                    " is not assigned to this session of service " +
                                                    printable(m.options.service)};
    for (const auto& next : effects.positions) {
      const auto& log = store_->topics.at(m.options.topics[next.topic.value])[effects.partition.value];
      if (next.next > log.end)
        return Error{ErrorCode::invalid_argument, "a position after the end offset of its topic"};
    }
    m.open->partitions.insert(effects.partition);
    for (const auto& next : effects.positions) m.open->positions.push_back({effects.partition, next});
    for (const auto& change : effects.state) m.open->state.push_back({effects.partition, change});
    m.open->outputs.add(effects.outputs);
    return {};
  }

  Result<void> write_now(const OutputBuffer& outputs) override {
    std::lock_guard lock(store_->mutex);
    auto& m = *member_;
    if (m.ended) return *m.ended;
    if (auto checked = check_outputs(outputs, m.options, m.shape); !checked) return checked;
    StagedChunks staged(m.shape.counts);
    staged.add(outputs);
    store_->store(m.options, staged);
    return {};
  }

  Result<void> commit(CycleId cycle) override {
    std::lock_guard lock(store_->mutex);
    if (member_->ended) return *member_->ended;
    if (member_->in_flight)
      return Error{
          ErrorCode::invalid_argument,
          "commit: cycle " + std::to_string(member_->in_flight->cycle.value) + " has no outcome yet"};
    store_->commit(*member_, cycle);
    return {};
  }

  Result<void> abort() override {
    std::lock_guard lock(store_->mutex);
    if (member_->ended) return *member_->ended;
    store_->rewind(*member_);
    member_->notify();
    return {};
  }

  Result<Outcome> resolve(CycleId cycle) override {
    std::lock_guard lock(store_->mutex);
    auto& m = *member_;
    if (m.ended) return *m.ended;
    if (!m.in_flight || m.in_flight->cycle != cycle || !m.in_flight->reported_unknown)
      return Error{ErrorCode::invalid_argument,
                   "resolve: cycle " + std::to_string(cycle.value) + " has no unknown outcome"};
    const bool committed = m.in_flight->fate == Fate::unknown_but_committed;
    m.in_flight.reset();
    if (!committed) store_->rewind(m);
    m.notify();
    return committed ? Outcome::committed : Outcome::aborted;
  }

  void release(const std::vector<PartitionId>& partitions) override {
    std::lock_guard lock(store_->mutex);
    store_->release(*member_, partitions);
  }
  std::uint32_t partition_count(TopicIndex topic) const override {
    return member_->shape.counts.at(topic.value);
  }

  Result<bool> at_end() override {
    std::lock_guard lock(store_->mutex);
    auto& m = *member_;
    if (m.ended) return *m.ended;
    const auto& positions = store_->services[m.options.service].positions;
    for (const auto& [partition, owned] : m.owned) {
      if (owned.hold == Hold::restoring) return false;
      for (const auto& [topic, cursor] : owned.cursor) {
        const std::string& name = m.options.topics[topic.value];
        auto it = positions.find({name, partition});
        const Offset committed = it == positions.end() ? Offset{} : it->second;
        if (committed < store_->topics.at(name)[partition.value].end) return false;
      }
    }
    return true;
  }

  void close() override {
    std::lock_guard lock(store_->mutex);
    member_->wake = nullptr;
    member_->open->clear();
    member_->in_flight.reset();
    store_->leave(member_);
    if (!member_->ended) member_->ended = Error{ErrorCode::closed, "the session was closed"};
  }

 private:
  // Reports the outcome of the commit in flight, if there is one. False: resolve() must come first.
  bool report_commit(std::vector<StoreEvent>& events) {
    auto& m = *member_;
    if (!m.in_flight || m.in_flight->fate == Fate::held) return true;
    auto& flight = *m.in_flight;
    switch (flight.fate) {
      case Fate::commits:
        events.emplace_back(Committed{flight.cycle});
        break;
      case Fate::aborts:
        events.emplace_back(Aborted{
            flight.cycle,
            flight.refused.value_or(
                Error{ErrorCode::aborted, "the store aborted cycle " + std::to_string(flight.cycle.value)})});
        break;
      default:
        if (!std::exchange(flight.reported_unknown, true))
          events.emplace_back(
              UnknownOutcome{flight.cycle, {ErrorCode::unknown_outcome, "the answer was lost"}});
        return false;
    }
    const bool aborted = flight.fate == Fate::aborts;
    m.in_flight.reset();
    if (aborted) store_->rewind(m);
    return true;
  }

  std::shared_ptr<detail::MemoryImpl> store_;
  std::shared_ptr<detail::MemoryMember> member_;
};

}  // namespace

std::unique_ptr<StoreSession> detail::make_memory_session(std::shared_ptr<detail::MemoryImpl> store,
                                                          std::shared_ptr<MemoryMember> member) {
  return std::make_unique<MemorySession>(std::move(store), std::move(member));
}

std::shared_ptr<const StateReader> detail::make_memory_reader(std::shared_ptr<detail::MemoryImpl> store,
                                                              const MemoryMember& member,
                                                              PartitionId partition,
                                                              std::shared_ptr<std::atomic<bool>> readable) {
  return std::make_shared<MemoryStateReader>(std::move(store), member, partition, std::move(readable));
}

}  // namespace eventy
