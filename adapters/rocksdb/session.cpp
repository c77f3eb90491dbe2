// A service's session with the embedded store. It is the only member of its service: it owns every partition
// from the start until a newer session of the service fences it. The session's own thread writes a commit
// while the session gathers the next cycle.
#include <algorithm>

#include "core.hpp"
#include "eventy/store/job_thread.hpp"
#include "eventy/store/start.hpp"
#include "keys.hpp"
#include "staged_state.hpp"

namespace eventy::rocksdb::detail {
namespace {

constexpr std::size_t kept_batch_bytes = 64u << 20;

Error fenced_error(const SessionEntry& entry) {
  if (entry.fenced)
    return {ErrorCode::fenced, "a newer session of service " + printable(entry.service) + " took over"};
  return {ErrorCode::closed, "the session of service " + printable(entry.service) + " was closed"};
}

class CommittedState final : public StateReader {
 public:
  CommittedState(const std::shared_ptr<Core>& core, std::shared_ptr<const SessionEntry> entry,
                 std::shared_ptr<const std::vector<std::uint32_t>> keyspaces, PartitionId partition,
                 std::shared_ptr<const std::atomic<bool>> owned)
      : core_(core),
        entry_(std::move(entry)),
        keyspaces_(std::move(keyspaces)),
        partition_(partition),
        owned_(std::move(owned)) {}

  Result<std::optional<std::string>> get(KeyspaceIndex keyspace, std::string_view key) const override {
    if (keyspace.value >= keyspaces_->size())
      return Error{ErrorCode::invalid_argument, "a keyspace that the session did not name"};
    if (entry_->fenced || entry_->closed || !*owned_)
      return Error{ErrorCode::fenced, "service " + printable(entry_->service) + " no longer owns partition " +
                                          std::to_string(partition_.value)};
    auto core = core_.lock();
    if (!core) return Error{ErrorCode::closed, "the store was closed"};
    const auto& database = core->database();
    return database.get(Family::state, state_key((*keyspaces_)[keyspace.value], partition_.value, key));
  }
  std::string place() const override {
    const auto core = core_.lock();
    return core ? "the store in " + core->database().options().path.string() : std::string();
  }

 private:
  std::weak_ptr<Core> core_;  // does not keep the database open
  std::shared_ptr<const SessionEntry> entry_;
  std::shared_ptr<const std::vector<std::uint32_t>> keyspaces_;
  PartitionId partition_;
  std::shared_ptr<const std::atomic<bool>> owned_;
};

class Session final : public StoreSession {
 public:
  Session(std::shared_ptr<Core> core, const SessionOptions& options, SessionShape shape,
          std::vector<std::shared_ptr<Topic>> topics)
      : core_(std::move(core)),
        options_(options),
        shape_(std::move(shape)),
        topics_(std::move(topics)),
        open_(shape_.counts),
        flying_(shape_.counts),
        direct_(shape_.counts) {}
  ~Session() override { close(); }

  Result<void> start();
  Result<std::vector<StoreEvent>> poll(const PollLimits& limits) override;
  void on_ready(std::function<void()> wake) override { core_->set_wake(*entry_, std::move(wake)); }
  void pause(PartitionId partition) override { paused_.insert(partition); }
  void resume(PartitionId partition) override {
    paused_.erase(partition);
    core_->wake(*entry_);
  }
  Result<void> append(std::shared_ptr<const SliceEffects> slice) override;
  Result<void> write_now(const OutputBuffer& outputs) override;
  Result<void> commit(CycleId cycle) override;
  Result<void> abort() override;
  Result<Outcome> resolve(CycleId cycle) override {
    return Error{ErrorCode::invalid_argument,
                 "resolve: cycle " + std::to_string(cycle.value) + " has no unknown outcome"};
  }
  void release(const std::vector<PartitionId>& partitions) override;
  std::uint32_t partition_count(TopicIndex topic) const override { return shape_.counts.at(topic.value); }
  std::size_t max_cycle_bytes() const override { return core_->database().options().max_cycle_bytes; }
  Result<bool> at_end() override;
  void close() override;

 private:
  struct InputCursor {  // the position in one input partition
    TopicIndex topic = {};
    PartitionId partition = {};
    Offset next = {}, committed = {};
  };
  struct StagedPosition {
    std::size_t cursor = 0;
    Offset next = {};
  };
  struct Cycle {
    explicit Cycle(const std::vector<std::uint32_t>& partition_counts) : outputs(partition_counts) {}
    StagedChunks outputs;
    StagedState state = {};
    std::vector<StagedPosition> positions = {};
    std::size_t output_bytes = 0;

    void clear() {  // keeps memory
      outputs.clear();
      state.clear();
      positions.clear();
      output_bytes = 0;
    }
  };

  bool alive() const { return !entry_->fenced && !entry_->closed; }
  Offset end_of(const InputCursor& c) const {
    return Offset{topics_[c.topic.value]->ends[c.partition.value].load(std::memory_order_acquire)};
  }
  InputCursor* cursor(TopicIndex topic, PartitionId partition);
  Result<void> load_cursors();
  Result<Offset> first_position(const Topic& topic, TopicIndex input, PartitionId partition) const;
  // Runs on the worker: writes the cycle in flight.
  Result<void> write_flying();
  Result<void> stage_flying();
  // Waits for the cycle in flight and takes its outcome.
  void settle();
  void rewind();

  std::shared_ptr<Core> core_;
  SessionOptions options_;
  SessionShape shape_;
  std::vector<std::shared_ptr<Topic>> topics_;
  std::shared_ptr<SessionEntry> entry_ = std::make_shared<SessionEntry>();
  std::uint32_t service_ = 0;
  std::shared_ptr<std::vector<std::uint32_t>> keyspaces_ = std::make_shared<std::vector<std::uint32_t>>();
  std::map<PartitionId, std::shared_ptr<std::atomic<bool>>> owned_ = {};
  std::set<PartitionId> paused_ = {};
  std::vector<InputCursor> cursors_ = {};
  std::map<std::pair<TopicIndex, PartitionId>, std::size_t> cursor_at_ = {};
  std::vector<StoreEvent> events_ = {};

  Cycle open_;
  Cycle flying_;  // used by the worker while it has a job
  std::optional<CycleId> flight_ = {};
  std::atomic<bool> landed_ = false;                // the result of the cycle in flight is in landing_
  std::optional<Result<void>> landing_ = {};        // the worker sets it before landed_
  std::optional<Result<StoreEvent>> outcome_ = {};  // of the last commit, until poll() returns it

  StagedChunks direct_;          // for write_now
  ::rocksdb::WriteBatch batch_;  // used by the worker only
  JobThread worker_ = {};        // the last member, because it uses the others
};

Result<void> Session::start() {
  entry_->service = options_.service;
  for (const TopicIndex input : shape_.inputs) entry_->reads.insert(topics_[input.value]->id);
  std::lock_guard writer(core_->database().writer());
  auto service = core_->id_of(named_key(service_prefix, options_.service));
  if (!service) return service.error();
  service_ = *service;
  for (const auto& name : options_.keyspaces) {
    auto id = core_->id_of(keyspace_key(service_, name));
    if (!id) return id.error();
    keyspaces_->push_back(*id);
  }
  core_->enter(entry_);
  if (auto loaded = load_cursors(); !loaded) return loaded;

  Assigned assigned;
  for (std::uint32_t p = 0; p < shape_.partitions; ++p) assigned.partitions.push_back(PartitionId{p});
  events_.push_back(assigned);
  for (const PartitionId partition : assigned.partitions) {
    auto& owned = owned_[partition] = std::make_shared<std::atomic<bool>>(true);
    Restored restored{partition,
                      std::make_shared<CommittedState>(core_, entry_, keyspaces_, partition, owned)};
    for (const auto& cursor : cursors_)
      if (cursor.partition == partition) restored.positions.push_back({cursor.topic, cursor.committed});
    events_.push_back(std::move(restored));
  }
  return {};
}

// Positions that are missing are committed here.
Result<void> Session::load_cursors() {
  auto& database = core_->database();
  ::rocksdb::WriteBatch started;
  for (const TopicIndex input : shape_.inputs) {
    const Topic& topic = *topics_[input.value];
    for (std::uint32_t p = 0; p < topic.partitions(); ++p) {
      auto value = database.get(Family::positions, position_key(service_, topic.id, p));
      if (!value) return value.error();
      Offset next{*value ? static_cast<std::int64_t>(get64(**value)) : 0};
      if (!*value) {
        auto first = first_position(topic, input, PartitionId{p});
        if (!first) return first.error();
        next = *first;
        const auto status =
            started.Put(database.family(Family::positions), position_key(service_, topic.id, p),
                        value64(static_cast<std::uint64_t>(next.value)));
        if (!status.ok()) return database.error(status, "cannot stage a position");
      }
      if (next.value > topic.ends[p].load())
        return Error{ErrorCode::corrupt, database.options().path.string() + ": service " +
                                             printable(options_.service) + " has read topic " +
                                             printable(topic.name) + " partition " + std::to_string(p) +
                                             " up to offset " + std::to_string(next.value) +
                                             ", but it ends at " + std::to_string(topic.ends[p].load())};
      cursor_at_[{input, PartitionId{p}}] = cursors_.size();
      cursors_.push_back({input, PartitionId{p}, next, next});
    }
  }
  return started.Count() > 0 ? database.write(started) : Result<void>{};
}

Result<Offset> Session::first_position(const Topic& topic, TopicIndex input, PartitionId partition) const {
  const Offset end{topic.ends[partition.value].load()};
  return start_by_reading(options_, topic.name, partition, {{}, end},
                          [&](Offset from) { return core_->read(topic, input, partition, from, end, {}); });
}

Session::InputCursor* Session::cursor(TopicIndex topic, PartitionId partition) {
  auto it = cursor_at_.find({topic, partition});
  return it == cursor_at_.end() ? nullptr : &cursors_[it->second];
}

Result<std::vector<StoreEvent>> Session::poll(const PollLimits& limits) {
  if (!alive()) return fenced_error(*entry_);
  std::vector<StoreEvent> events;
  if (landed_) settle();
  if (outcome_) {
    auto outcome = *std::exchange(outcome_, {});
    if (!outcome) return outcome.error();
    if (std::holds_alternative<Aborted>(*outcome)) open_.clear(), rewind();  // undoes later appends too
    events.push_back(*std::move(outcome));
  }
  std::move(events_.begin(), events_.end(), std::back_inserter(events));
  events_.clear();
  for (auto& c : cursors_) {
    const Offset end = end_of(c);
    if (c.next >= end || paused_.contains(c.partition) || !owned_.contains(c.partition)) continue;
    auto batch = core_->read(*topics_[c.topic.value], c.topic, c.partition, c.next, end, limits);
    if (!batch) return batch.error();
    c.next = (*batch)->next;
    events.emplace_back(Records{*std::move(batch)});
  }
  return events;
}

Result<void> Session::append(std::shared_ptr<const SliceEffects> slice) {
  const SliceEffects& effects = *slice;
  if (!alive()) return fenced_error(*entry_);
  if (auto checked = check_effects(effects, options_, shape_); !checked) return checked;
  if (!owned_.contains(effects.partition))
    return Error{ErrorCode::invalid_argument, "partition " + std::to_string(effects.partition.value) +
                                                  " is not assigned to this session of service " +
                                                  printable(options_.service)};
  const std::size_t bytes = open_.output_bytes + open_.state.bytes() + effects.size;
  if (bytes > core_->database().options().max_cycle_bytes)
    return Error{ErrorCode::too_large, "a commit cycle of " + std::to_string(bytes) + " bytes: at most " +
                                           std::to_string(core_->database().options().max_cycle_bytes) +
                                           " are allowed"};
  for (const auto& position : effects.positions) {
    if (position.next > end_of(*cursor(position.topic, effects.partition)))
      return Error{ErrorCode::invalid_argument, "a position after the end offset of its topic"};
  }
  for (const auto& position : effects.positions)
    open_.positions.push_back({cursor_at_.at({position.topic, effects.partition}), position.next});
  for (const auto& change : effects.state)
    open_.state.set(pair_key((*keyspaces_)[change.keyspace.value], effects.partition.value), change.key,
                    change.value);
  open_.outputs.add(effects.outputs);
  open_.output_bytes += effects.outputs.bytes.size();
  return {};
}

Result<void> Session::write_now(const OutputBuffer& outputs) {
  if (!alive()) return fenced_error(*entry_);
  if (auto checked = check_outputs(outputs, options_, shape_); !checked) return checked;
  direct_.clear();
  direct_.add(outputs);
  if (direct_.empty()) return {};
  std::set<std::uint32_t> changed;
  {
    std::lock_guard writer(core_->database().writer());
    if (!alive()) return fenced_error(*entry_);
    ::rocksdb::WriteBatch batch;
    core_->put(batch, direct_, topics_);
    if (auto written = core_->database().write(batch); !written) return written;
    changed = Core::publish(direct_, topics_);
  }
  core_->wake_readers(changed);
  return {};
}

Result<void> Session::commit(CycleId cycle) {
  if (!alive()) return fenced_error(*entry_);
  if (flight_ || outcome_)
    return Error{ErrorCode::invalid_argument, "commit: the outcome of the last cycle was not polled yet"};
  flight_ = cycle;
  landed_ = false;
  std::swap(open_, flying_);
  worker_.enqueue([this] {
    try {
      landing_ = write_flying();
    } catch (const std::exception& e) {
      landing_ =
          Error{ErrorCode::io, core_->database().options().path.string() + ": cannot write: " + e.what()};
    }
    landed_ = true;
    core_->wake(*entry_);
  });
  return {};
}

Result<void> Session::write_flying() {
  std::set<std::uint32_t> changed;
  {
    std::lock_guard writer(core_->database().writer());
    if (!alive()) return fenced_error(*entry_);
    if (auto staged = stage_flying(); !staged) return staged;
    if (batch_.Count() > 0) {
      if (auto written = core_->database().write(batch_); !written) return written;
    }
    changed = Core::publish(flying_.outputs, topics_);
  }
  if (batch_.GetDataSize() > kept_batch_bytes) batch_ = ::rocksdb::WriteBatch();
  core_->wake_readers(changed);
  return {};
}

Result<void> Session::stage_flying() {
  const auto& database = core_->database();
  batch_.Clear();
  core_->put(batch_, flying_.outputs, topics_);
  ::rocksdb::Status status;
  for (const auto& p : flying_.positions) {
    const InputCursor& c = cursors_[p.cursor];
    status = batch_.Put(database.family(Family::positions),
                        position_key(service_, topics_[c.topic.value]->id, c.partition.value),
                        value64(static_cast<std::uint64_t>(p.next.value)));
    if (!status.ok()) return database.error(status, "cannot stage a position");
  }
  for (const auto& change : flying_.state.changes()) {
    const auto key = slice(flying_.state.key(change));
    status = change.erased
                 ? batch_.Delete(database.family(Family::state), key)
                 : batch_.Put(database.family(Family::state), key, slice(flying_.state.value(change)));
    if (!status.ok()) return database.error(status, "cannot stage a state");
  }
  return {};
}

void Session::settle() {
  if (!flight_) return;
  worker_.wait();
  const CycleId cycle = *std::exchange(flight_, {});
  const Result<void> landing = *std::exchange(landing_, {});
  if (landing) {
    for (const auto& p : flying_.positions) cursors_[p.cursor].committed = p.next;
    outcome_ = StoreEvent(Committed{cycle});
  } else if (landing.error().code == ErrorCode::no_space) {
    outcome_ = StoreEvent(Aborted{cycle, landing.error()});
  } else {  // only a restart of the process or a newer session can continue
    outcome_ = landing.error();
  }
  landed_ = false;
  flying_.clear();
}

void Session::rewind() {
  for (auto& c : cursors_) c.next = c.committed;
}

Result<void> Session::abort() {
  if (!alive()) return fenced_error(*entry_);
  settle();  // does not undo a commit that has begun
  open_.clear();
  rewind();
  core_->wake(*entry_);
  return {};
}

void Session::release(const std::vector<PartitionId>& partitions) {
  for (const PartitionId partition : partitions) {
    auto it = owned_.find(partition);
    if (it == owned_.end()) continue;
    it->second->store(false);
    owned_.erase(it);
  }
}

Result<bool> Session::at_end() {
  if (!alive()) return fenced_error(*entry_);
  return std::all_of(cursors_.begin(), cursors_.end(), [this](const InputCursor& c) {
    return !owned_.contains(c.partition) || c.committed >= end_of(c);
  });
}

void Session::close() {
  if (entry_->closed.exchange(true)) return;
  worker_.wait();
  open_.clear();
  core_->leave(entry_);
}

}  // namespace

Result<std::unique_ptr<StoreSession>> make_session(std::shared_ptr<Core> core,
                                                   const SessionOptions& options) {
  auto shape = check_session(options, [&](const std::string& name) -> std::optional<std::uint32_t> {
    auto topic = core->topic(name);
    if (!topic) return std::nullopt;
    return topic->partitions();
  });
  if (!shape) return shape.error();
  std::vector<std::shared_ptr<Topic>> topics;
  for (const auto& name : options.topics) topics.push_back(core->topic(name));
  auto session = std::make_unique<Session>(std::move(core), options, *std::move(shape), std::move(topics));
  if (auto started = session->start(); !started) return started.error();
  return std::unique_ptr<StoreSession>(std::move(session));
}

}  // namespace eventy::rocksdb::detail
