// What goes wrong with what belongs into a cycle.
#include "../support/shell_session.hpp"
#include "bugs.hpp"

#include <set>

namespace eventy::simulation {

using support::ShellSession;

namespace {

// Adds one output of a buffer to another.
void copy(const OutputBuffer& from, const OutputBuffer::Entry& entry, OutputBuffer& to) {
  OutputBuffer::Entry e = entry;
  const auto put = [&to](std::string_view bytes) {
    const std::size_t at = to.bytes.size();
    to.bytes.append(bytes);
    return at;
  };
  e.key_at = put(from.key(entry)), e.value_at = put(from.value(entry));
  e.first_header = static_cast<std::uint32_t>(to.headers.size());
  for (std::uint32_t h = 0; h < entry.headers; ++h) {
    OutputBuffer::HeaderEntry header = from.headers[entry.first_header + h];
    const Header text = from.header(header);
    header.name_at = put(text.name), header.value_at = put(text.value);
    to.headers.push_back(header);
  }
  to.entries.push_back(e);
}

// Positions as they were read, not as they were processed.
class CommitsWhatWasPolled final : public ShellSession {
 public:
  using ShellSession::ShellSession;
  Result<void> append(std::shared_ptr<const SliceEffects> slice) override {
    const SliceEffects& effects = *slice;
    SliceEffects ahead = effects;
    for (auto& p : ahead.positions) p.next = std::max(p.next, polled_[{p.topic, ahead.partition}]);
    return inner_->append(complete(std::move(ahead)));
  }

 private:
  Result<void> change(StoreEvent& event) override {
    if (const auto* records = std::get_if<Records>(&event))
      polled_[{records->batch->topic, records->batch->partition}] = records->batch->next;
    return {};
  }
  std::map<std::pair<TopicIndex, PartitionId>, Offset> polled_;
};

class SwapsSlices final : public ShellSession {
 public:
  using ShellSession::ShellSession;
  Result<void> append(std::shared_ptr<const SliceEffects> slice) override {
    const SliceEffects& effects = *slice;
    if (!held_ || held_->partition != effects.partition) {
      if (auto done = flush(); !done.ok()) return done;
      held_ = std::move(slice);
      return {};
    }
    if (auto done = inner_->append(std::move(slice)); !done.ok()) return done;
    return flush();
  }
  Result<void> commit(CycleId cycle) override {
    if (auto done = flush(); !done.ok()) return done;
    return inner_->commit(cycle);
  }
  Result<void> abort() override {
    held_.reset();
    return inner_->abort();
  }

 private:
  Result<void> flush() {
    if (auto held = std::exchange(held_, nullptr)) return inner_->append(std::move(held));
    return {};
  }
  std::shared_ptr<const SliceEffects> held_;
};

// Leaves the changes of some keyspaces out of the cycles.
class ForgetsKeyspaces final : public ShellSession {
 public:
  ForgetsKeyspaces(std::unique_ptr<StoreSession> inner, std::set<KeyspaceIndex> which)
      : ShellSession(std::move(inner)), which_(std::move(which)) {}
  Result<void> append(std::shared_ptr<const SliceEffects> slice) override {
    const SliceEffects& effects = *slice;
    SliceEffects without = effects;
    std::erase_if(without.state, [&](const auto& change) { return which_.contains(change.keyspace); });
    return inner_->append(complete(std::move(without)));
  }

 private:
  std::set<KeyspaceIndex> which_;
};

Bug forgets_keyspaces(std::string name, std::string prefix) {
  return {std::move(name), [prefix] {
            return with_session([prefix](std::unique_ptr<StoreSession> inner, const SessionOptions& options) {
              std::set<KeyspaceIndex> which;
              for (std::uint32_t k = 0; k < options.keyspaces.size(); ++k)
                if (options.keyspaces[k].starts_with(prefix)) which.insert({k});
              return std::make_unique<ForgetsKeyspaces>(std::move(inner), std::move(which));
            });
          }};
}

class WritesOutputsAtOnce final : public ShellSession {
 public:
  using ShellSession::ShellSession;
  Result<void> append(std::shared_ptr<const SliceEffects> slice) override {
    const SliceEffects& effects = *slice;
    if (auto done = inner_->write_now(effects.outputs); !done.ok()) return done;
    SliceEffects without = effects;
    without.outputs.clear();
    return inner_->append(complete(std::move(without)));
  }
};

class WritesDeadLettersAtOnce final : public ShellSession {
 public:
  using ShellSession::ShellSession;
  Result<void> append(std::shared_ptr<const SliceEffects> slice) override {
    const SliceEffects& effects = *slice;
    SliceEffects rest = effects;
    OutputBuffer letters;
    rest.outputs.clear();
    for (const auto& e : effects.outputs.entries)
      copy(effects.outputs, e, e.topic == ServiceRuntime::dead_letters ? letters : rest.outputs);
    if (!letters.empty())
      if (auto done = inner_->write_now(letters); !done.ok()) return done;
    return inner_->append(complete(std::move(rest)));
  }
};

class CommitsBeforeItsOutputs final : public ShellSession {
 public:
  using ShellSession::ShellSession;
  Result<void> write_now(const OutputBuffer& outputs) override {
    waiting_.push_back(outputs);
    return {};
  }

 private:
  Result<void> change(StoreEvent& event) override {
    if (!std::holds_alternative<Committed>(event)) return {};
    for (const auto& outputs : std::exchange(waiting_, {}))
      if (auto done = inner_->write_now(outputs); !done.ok()) return done;
    return {};
  }
  std::vector<OutputBuffer> waiting_;
};

// Its last cycle goes through although its partitions are somebody else's.
class IsNotFenced final : public ShellSession {
 public:
  using ShellSession::ShellSession;
  Result<void> append(std::shared_ptr<const SliceEffects> slice) override {
    const SliceEffects& effects = *slice;
    open_.push_back(effects.outputs);
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
    const auto* aborted = std::get_if<Aborted>(&event);
    if (!aborted || aborted->reason.code != ErrorCode::fenced) return {};
    for (const auto& outputs : flying_)
      if (auto done = inner_->write_now(outputs); !done.ok()) return done;
    event = Committed{aborted->cycle};
    return {};
  }
  std::vector<OutputBuffer> open_, flying_;
};

}  // namespace

std::vector<Bug> bugs_of_cycles() {
  return {bug_of_session<CommitsWhatWasPolled>("positions that were polled are committed"),
          bug_of_session<SwapsSlices>("slices are appended out of order"),
          forgets_keyspaces("a source's position is not in the cycle", "source:"),
          forgets_keyspaces("parked records are not in the cycle", "failures"),
          bug_of_session<WritesOutputsAtOnce>("exactly-once outputs are written at once"),
          bug_of_session<WritesDeadLettersAtOnce>("dead letters are written at once"),
          bug_of_session<CommitsBeforeItsOutputs>("a commit does not wait for at-least-once outputs"),
          bug_of_session<IsNotFenced>("a zombie is not fenced")};
}

}  // namespace eventy::simulation
