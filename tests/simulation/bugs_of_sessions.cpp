// What goes wrong where a session goes back, answers, or restores.
#include "../support/shell_session.hpp"
#include "bugs.hpp"

namespace eventy::simulation {

using support::ShellSession;

namespace {

using Place = std::pair<TopicIndex, PartitionId>;

Place place_of(const Batch& batch) { return {batch.topic, batch.partition}; }

// Drops the records below an offset.
std::shared_ptr<const Batch> from(std::shared_ptr<const Batch> batch, Offset least) {
  auto rest = std::make_shared<Batch>();
  rest->topic = batch->topic, rest->partition = batch->partition, rest->next = batch->next;
  rest->headers = batch->headers;
  for (const auto& r : batch->records)
    if (r.offset >= least) rest->records.push_back(r);
  rest->keep = std::move(batch);
  return rest;
}

class DoesNotSeekBack final : public ShellSession {
 public:
  using ShellSession::ShellSession;
  Result<void> abort() override {
    skip_ = read_;
    return inner_->abort();
  }

 private:
  Result<void> change(StoreEvent& event) override {
    if (std::holds_alternative<Aborted>(event)) skip_ = read_;
    if (auto* e = std::get_if<Restored>(&event))
      std::erase_if(skip_, [&](const auto& s) { return s.first.second == e->partition; });
    auto* records = std::get_if<Records>(&event);
    if (!records) return {};
    const Place place = place_of(*records->batch);
    if (const auto it = skip_.find(place); it != skip_.end())
      records->batch = from(records->batch, it->second);
    read_[place] = records->batch->next;
    return {};
  }
  std::map<Place, Offset> read_, skip_;
};

class GuessesCommitted final : public ShellSession {
 public:
  using ShellSession::ShellSession;

 private:
  Result<void> change(StoreEvent& event) override {
    const auto* unknown = std::get_if<UnknownOutcome>(&event);
    if (!unknown) return {};
    const CycleId cycle = unknown->cycle;
    if (const auto outcome = inner_->resolve(cycle); !outcome.ok()) return outcome.error();
    event = Committed{cycle};
    return {};
  }
};

// Believes that nothing happened, and hands the records of the cycle out again.
class GuessesAborted final : public ShellSession {
 public:
  using ShellSession::ShellSession;
  Result<std::vector<StoreEvent>> poll(const PollLimits& limits) override {
    auto events = inner_->poll(limits);
    if (!events.ok()) return events;
    std::vector<StoreEvent> told;
    for (const auto& batch : std::exchange(again_, {})) told.emplace_back(Records{batch});
    for (auto& event : *events) {
      if (const auto* records = std::get_if<Records>(&event)) since_.push_back(records->batch);
      if (std::holds_alternative<Committed>(event)) since_.clear();
      if (const auto* unknown = std::get_if<UnknownOutcome>(&event)) {
        const auto outcome = inner_->resolve(unknown->cycle);
        if (!outcome.ok()) return outcome.error();
        if (*outcome == Outcome::committed) again_ = std::exchange(since_, {});
        event = Aborted{unknown->cycle, unknown->reason};
        wake_();
      }
      told.push_back(std::move(event));
    }
    return told;
  }
  void on_ready(std::function<void()> wake) override {
    wake_ = wake;
    inner_->on_ready(std::move(wake));
  }

 private:
  std::vector<std::shared_ptr<const Batch>> since_, again_;
  std::function<void()> wake_ = [] {};
};

// The state of a partition with what is in cycles that may never be committed.
using Overlay = std::map<std::tuple<PartitionId, KeyspaceIndex, std::string>, std::optional<std::string>>;

class OverlayReader final : public StateReader {
 public:
  OverlayReader(std::shared_ptr<const StateReader> inner, std::shared_ptr<const Overlay> overlay,
                PartitionId partition)
      : inner_(std::move(inner)), overlay_(std::move(overlay)), partition_(partition) {}
  Result<std::optional<std::string>> get(KeyspaceIndex keyspace, std::string_view key) const override {
    const auto it = overlay_->find({partition_, keyspace, std::string(key)});
    return it == overlay_->end() ? inner_->get(keyspace, key) : it->second;
  }

 private:
  std::shared_ptr<const StateReader> inner_;
  std::shared_ptr<const Overlay> overlay_;
  PartitionId partition_;
};

class KeepsStateOfAborted final : public ShellSession {
 public:
  using ShellSession::ShellSession;
  Result<void> append(std::shared_ptr<const SliceEffects> slice) override {
    const SliceEffects& effects = *slice;
    for (const auto& change : effects.state)
      (*written_)[{effects.partition, change.keyspace, change.key}] = change.value;
    return inner_->append(std::move(slice));
  }

 private:
  Result<void> change(StoreEvent& event) override {
    if (auto* e = std::get_if<Restored>(&event)) {
      std::erase_if(*written_, [&](const auto& w) { return std::get<0>(w.first) == e->partition; });
      e->state = std::make_shared<OverlayReader>(e->state, written_, e->partition);
    }
    return {};
  }
  std::shared_ptr<Overlay> written_ = std::make_shared<Overlay>();
};

// The log of states as the nodes of a service know it: what was last written to a key, and what before.
struct History {
  Overlay now, before;
};

// A new owner sees some keys as they were one change ago.
class RestoresTooLittle final : public ShellSession {
 public:
  RestoresTooLittle(std::unique_ptr<StoreSession> inner, std::shared_ptr<History> history)
      : ShellSession(std::move(inner)), history_(std::move(history)) {}
  Result<void> append(std::shared_ptr<const SliceEffects> slice) override {
    const SliceEffects& effects = *slice;
    for (const auto& change : effects.state)
      open_[{effects.partition, change.keyspace, change.key}] = change.value;
    return inner_->append(std::move(slice));
  }
  Result<void> commit(CycleId cycle) override {
    flying_ = std::exchange(open_, {});
    return inner_->commit(cycle);
  }
  Result<void> abort() override {
    open_.clear();
    return inner_->abort();
  }

 private:
  Result<void> change(StoreEvent& event) override {
    if (auto* e = std::get_if<Restored>(&event)) {
      std::erase_if(*stale_, [&](const auto& s) { return std::get<0>(s.first) == e->partition; });
      for (const auto& [key, value] : history_->before)
        if (std::get<0>(key) == e->partition) stale_->emplace(key, value);
      e->state = std::make_shared<OverlayReader>(e->state, stale_, e->partition);
    }
    if (std::holds_alternative<Aborted>(event)) open_.clear(), flying_.clear();
    if (!std::holds_alternative<Committed>(event)) return {};
    for (auto& [key, value] : std::exchange(flying_, {})) {
      history_->before[key] = std::exchange(history_->now[key], value);
      stale_->erase(key);
    }
    return {};
  }
  std::shared_ptr<History> history_;
  std::shared_ptr<Overlay> stale_ = std::make_shared<Overlay>();
  Overlay open_, flying_;
};

Bug restores_too_little() {
  return {
      "a restore stops before the end of the log", [] {
        const auto histories = std::make_shared<std::map<std::string, std::shared_ptr<History>>>();
        return with_session([histories](std::unique_ptr<StoreSession> inner, const SessionOptions& options) {
          auto& history = (*histories)[options.service];
          if (!history) history = std::make_shared<History>();
          return std::make_unique<RestoresTooLittle>(std::move(inner), history);
        });
      }};
}

}  // namespace

std::vector<Bug> bugs_of_sessions() {
  return {bug_of_session<DoesNotSeekBack>("an abort does not seek back"),
          bug_of_session<GuessesCommitted>("an unknown outcome is guessed as committed"),
          bug_of_session<GuessesAborted>("an unknown outcome is guessed as aborted"),
          bug_of_session<KeepsStateOfAborted>("the state of an aborted cycle is kept"),
          restores_too_little()};
}

}  // namespace eventy::simulation
