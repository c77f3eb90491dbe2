// Sessions of the simulated store: what they poll, stage, commit and undo.
#include <algorithm>

#include "store_impl.hpp"

namespace eventy::testing::detail {

using Hold = Member::Hold;

// Takes the cycle from the session. Its outcome is decided now or, if the commit takes time, by run_due().
void SimulatedImpl::begin_commit(Member& member, CycleId cycle) {
  member.flight.emplace();
  member.flight->cycle = cycle;
  member.flight->content = std::exchange(member.open, std::nullopt).value_or(SimulatedCycle{});
  member.flight->due = clock.now() + chance.up_to(faults.max_commit_time);
  if (member.flight->due <= clock.now()) settle(member);
}

// Decides the outcome of a commit and, if it is committed, makes it visible. poll() reports it to the
// session.
void SimulatedImpl::settle(Member& member) {
  auto& flight = *member.flight;
  const std::string cycle = "cycle " + std::to_string(flight.cycle.value);
  for (const auto& slice : flight.content.slices) {
    if (member.holds(slice->partition)) continue;
    trace.fired("a zombie's commit is refused");
    note(member, cycle + " is refused");
    flight.outcome = Aborted{flight.cycle, {ErrorCode::fenced, member.name() + " lost a partition"}};
    return member.notify();
  }
  if (strikes(faults.aborts, "commit aborted")) {
    note(member, cycle + " is aborted");
    flight.outcome = Aborted{flight.cycle, {ErrorCode::aborted, "the store aborted " + cycle}};
    return member.notify();
  }
  const bool unknown = chance.happens(faults.unknown);
  flight.happened = !unknown || chance.happens(0.5);
  if (unknown) trace.fired(flight.happened ? "answer lost, committed" : "answer lost, aborted");
  note(member, cycle + (flight.happened ? " is committed" : " is aborted") + (unknown ? ", unknown" : ""));
  if (unknown) {
    flight.outcome = UnknownOutcome{flight.cycle, {ErrorCode::unknown_outcome, "the answer was lost"}};
  } else {
    flight.outcome = Committed{flight.cycle};
  }
  if (member.dead) trace.fired("a dead node's commit goes through");
  if (flight.happened) {
    SimulatedService& service = service_of(member);
    for (const auto& slice : flight.content.slices) {
      for (const auto& p : slice->positions)
        service.positions[{member.options.topics[p.topic.value], slice->partition}] = p.next;
      for (const auto& change : slice->state) {
        const std::string& keyspace = member.options.keyspaces[change.keyspace.value];
        changed(member.options.service, keyspace, change.key, change.value);
        auto& keys = service.state[{keyspace, slice->partition}];
        if (change.value) {
          keys.insert_or_assign(change.key, *change.value);
        } else {
          keys.erase(change.key);
        }
      }
      write(member.options, slice->outputs);
    }
  }
  member.notify();
}

void SimulatedImpl::write(const SessionOptions& options, const OutputBuffer& outputs) {
  std::set<std::string> changed;
  for (const auto& e : outputs.entries) {
    SimulatedRecord record{.value = std::string(outputs.value(e)), .tombstone = e.tombstone};
    if (e.has_key) record.key = std::string(outputs.key(e));
    for (std::uint32_t h = 0; h < e.headers; ++h) {
      const Header header = outputs.header(outputs.headers[e.first_header + h]);
      record.headers.emplace_back(header.name, header.value);
    }
    const std::string& topic = options.topics[e.topic.value];
    topics.at(topic)[e.partition.value].push(std::move(record));
    changed.insert(topic);
  }
  for (const auto& topic : changed)
    for (auto& log : topics.at(topic))
      if (strikes(faults.gaps, "gap in the offsets")) ++log.end.value;
  wake_readers(changed);
}

void SimulatedImpl::wake_readers(const std::set<std::string>& changed) {
  for (auto& [name, service] : services)
    for (const auto& member : service.members)
      if (std::any_of(member->shape.inputs.begin(), member->shape.inputs.end(), [&](TopicIndex topic) {
            return changed.contains(member->options.topics[topic.value]);
          }))
        member->notify();
}

void SimulatedImpl::rewind(Member& member) {
  member.open.reset();
  const SimulatedService& service = service_of(member);
  for (auto& [partition, owned] : member.owned)
    for (auto& [topic, cursor] : owned.cursor)
      cursor = service.position(member.options.topics[topic.value], partition);
  // A commit without an outcome counts as committed; if it aborts later, poll() goes back again.
  if (!member.flight || member.flight->outcome) return;
  for (const auto& slice : member.flight->content.slices)
    for (const auto& p : slice->positions)
      if (const auto it = member.owned.find(slice->partition); it != member.owned.end())
        it->second.cursor[p.topic] = p.next;
}

namespace {

class SimulatedReader final : public StateReader {
 public:
  SimulatedReader(std::shared_ptr<SimulatedImpl> store, const Member& member, PartitionId partition,
                  std::shared_ptr<bool> readable)
      : store_(std::move(store)),
        options_(member.options),
        partition_(partition),
        readable_(std::move(readable)) {}

  Result<std::optional<std::string>> get(KeyspaceIndex keyspace, std::string_view key) const override {
    if (keyspace.value >= options_.keyspaces.size())
      return Error{ErrorCode::invalid_argument, "a keyspace that the session did not name"};
    if (!*readable_)
      return Error{ErrorCode::fenced, "partition " + std::to_string(partition_.value) + " has moved"};
    if (store_->strikes(store_->faults.failed_reads, "state not readable"))
      return Error{ErrorCode::io, "the state cannot be read now"};
    const auto& state = store_->services[options_.service].state;
    const auto keys = state.find({options_.keyspaces[keyspace.value], partition_});
    if (keys == state.end()) return std::optional<std::string>();
    const auto it = keys->second.find(key);
    return it == keys->second.end() ? std::optional<std::string>() : std::optional(it->second);
  }

 private:
  std::shared_ptr<SimulatedImpl> store_;
  SessionOptions options_;
  PartitionId partition_;
  std::shared_ptr<bool> readable_;
};

class SimulatedSession final : public StoreSession {
 public:
  SimulatedSession(std::shared_ptr<SimulatedImpl> store, std::shared_ptr<Member> member)
      : store_(std::move(store)), member_(std::move(member)) {}
  ~SimulatedSession() override { close(); }

  Result<std::vector<StoreEvent>> poll(const PollLimits& limits) override {
    if (const auto over = begin_call(store_->faults.failed_polls, "session ended in a poll")) return *over;
    auto& m = *member_;
    std::vector<StoreEvent> events;
    if (store_->strikes(store_->faults.late_answers, "late answer")) {
      m.wake_at = store_->clock.now() + Duration(1) + store_->chance.up_to(store_->faults.max_answer_delay);
      return events;
    }
    if (!report_commit(events)) return events;
    for (auto& event : m.events) events.push_back(std::move(event));
    m.events.clear();
    for (auto& [partition, owned] : m.owned)
      if (owned.hold == Hold::active && !m.paused.contains(partition)) read(partition, owned, limits, events);
    in_the_middle();
    return events;
  }

  void on_ready(std::function<void()> wake) override { member_->wake = std::move(wake); }
  void pause(PartitionId partition) override { member_->paused.insert(partition); }
  void resume(PartitionId partition) override {
    member_->paused.erase(partition);
    member_->notify();
  }

  Result<void> append(std::shared_ptr<const SliceEffects> slice) override {
    const SliceEffects& effects = *slice;
    if (const auto over = begin_call(store_->faults.failed_appends, "append failed")) return *over;
    auto& m = *member_;
    if (auto checked = check_effects(effects, m.options, m.shape); !checked) return checked;
    if (!m.owned.contains(effects.partition))
      return Error{ErrorCode::invalid_argument, "partition " + std::to_string(effects.partition.value) +
                                                    " is not assigned to " + printable(m.name())};
    for (const auto& next : effects.positions)
      if (next.next > store_->topics.at(m.options.topics[next.topic.value])[effects.partition.value].end)
        return Error{ErrorCode::invalid_argument, "a position after the end offset of its topic"};
    if (!m.open) m.open.emplace();
    m.open->slices.push_back(std::move(slice));
    in_the_middle();
    return {};
  }

  Result<void> write_now(const OutputBuffer& outputs) override {
    const bool fails = store_->chance.happens(store_->faults.failed_writes);
    const bool before = fails && store_->chance.happens(0.5);
    if (const auto over = begin_call(before ? 1 : 0, "write failed")) return *over;
    auto& m = *member_;
    if (auto checked = check_outputs(outputs, m.options, m.shape); !checked) return checked;
    store_->write(m.options, outputs);
    in_the_middle();
    if (!fails) return {};
    store_->trace.fired("written, but reported as failed");
    m.ended = Error{ErrorCode::io, "no answer to a write"};
    return *m.ended;
  }

  Result<void> commit(CycleId cycle) override {
    const bool fails = store_->chance.happens(store_->faults.failed_commits);
    const bool before = fails && store_->chance.happens(0.5);
    if (const auto over = begin_call(before ? 1 : 0, "commit failed before it was sent")) return *over;
    auto& m = *member_;
    if (m.flight)
      return Error{ErrorCode::invalid_argument,
                   "commit: cycle " + std::to_string(m.flight->cycle.value) + " has no outcome yet"};
    store_->begin_commit(m, cycle);
    in_the_middle();
    if (!fails) return {};
    store_->trace.fired("commit failed after it was sent");
    m.ended = Error{ErrorCode::io, "no answer to a commit"};
    return *m.ended;
  }

  Result<void> abort() override {
    if (const auto over = begin_call()) return *over;
    store_->rewind(*member_);
    member_->notify();
    in_the_middle();
    return {};
  }

  Result<Outcome> resolve(CycleId cycle) override {
    if (const auto over = begin_call(store_->faults.failed_polls, "session ended in resolve()")) return *over;
    auto& m = *member_;
    if (!m.flight || m.flight->cycle != cycle || !m.flight->reported)
      return Error{ErrorCode::invalid_argument,
                   "resolve: cycle " + std::to_string(cycle.value) + " has no unknown outcome"};
    const bool happened = m.flight->happened;
    m.flight.reset();
    if (!happened) store_->rewind(m);
    m.notify();
    return happened ? Outcome::committed : Outcome::aborted;
  }

  void release(const std::vector<PartitionId>& partitions) override {
    if (begin_call()) return;
    store_->release(*member_, partitions);
  }
  std::uint32_t partition_count(TopicIndex topic) const override {
    return member_->shape.counts.at(topic.value);
  }

  Result<bool> at_end() override {
    auto& m = *member_;
    if (m.ended) return *m.ended;
    for (const auto& [partition, owned] : m.owned) {
      if (owned.hold == Hold::restoring) return false;
      for (const auto& [topic, cursor] : owned.cursor) {
        const std::string& name = m.options.topics[topic.value];
        const auto& log = store_->topics.at(name)[partition.value];
        if (store_->service_of(m).position(name, partition) < log.after_last()) return false;
      }
    }
    return true;
  }

  // A commit that was sent may still arrive.
  void close() override {
    auto& m = *member_;
    m.wake = nullptr;
    if (m.dead) return;
    if (!m.ended || m.ended->code != ErrorCode::fenced) {
      if (m.flight && !m.flight->outcome && store_->chance.happens(0.5)) store_->settle(m);
      m.flight.reset();
      m.open.reset();
      store_->leave(member_);
    }
    if (!m.ended) m.ended = Error{ErrorCode::closed, "the session was closed"};
  }

 private:
  std::optional<Error> begin_call(double probability = 0, std::string_view fault = {}) {
    auto& m = *member_;
    if (m.ended) return m.ended;
    in_the_middle();
    if (store_->strikes(probability, fault)) m.ended = Error{ErrorCode::io, std::string(fault)};
    if (!m.ended && store_->strikes(store_->faults.throws, "session threw no exception")) {
      m.ended = Error{ErrorCode::io, "the session threw"};
      throw 42;
    }
    return m.ended;
  }
  void in_the_middle() {
    if (store_->call && !member_->dead) store_->call(member_->options.node);
  }

  void read(PartitionId partition, Member::Owned& owned, PollLimits limits, std::vector<StoreEvent>& events) {
    for (auto& [topic, cursor] : owned.cursor) {
      const auto& log = store_->topics.at(member_->options.topics[topic.value])[partition.value];
      if (cursor >= log.after_last()) continue;
      if (store_->strikes(store_->faults.short_batches, "short batch")) {
        limits.max_records_per_batch = store_->chance.below(4);
        member_->wake_at = store_->clock.now() + Duration(1);  // there is more
        if (limits.max_records_per_batch == 0) continue;
      }
      const auto batch = log.read(topic, partition, cursor, limits);
      cursor = batch->next;
      events.emplace_back(Records{batch});
    }
  }

  // Reports the outcome of the commit in flight, if there is one. False: resolve() must come first.
  bool report_commit(std::vector<StoreEvent>& events) {
    auto& m = *member_;
    if (!m.flight || !m.flight->outcome) return true;
    if (m.flight->reported) return false;
    events.push_back(*m.flight->outcome);
    if (std::holds_alternative<UnknownOutcome>(*m.flight->outcome)) {
      m.flight->reported = true;
      return false;
    }
    const bool undone = std::holds_alternative<Aborted>(*m.flight->outcome);
    m.flight.reset();
    if (undone) store_->rewind(m);
    return true;
  }

  std::shared_ptr<SimulatedImpl> store_;
  std::shared_ptr<Member> member_;
};

}  // namespace

std::unique_ptr<StoreSession> make_simulated_session(std::shared_ptr<SimulatedImpl> store,
                                                     std::shared_ptr<Member> member) {
  return std::make_unique<SimulatedSession>(std::move(store), std::move(member));
}

std::shared_ptr<const StateReader> make_simulated_reader(std::shared_ptr<SimulatedImpl> store,
                                                         const Member& member, PartitionId partition,
                                                         std::shared_ptr<bool> readable) {
  return std::make_shared<SimulatedReader>(std::move(store), member, partition, std::move(readable));
}

}  // namespace eventy::testing::detail
