#include "cycle_writer.hpp"

#include "positions.hpp"
#include "restore.hpp"

namespace eventy::kafka::detail {
namespace {

// Bytes of a cycle that are sent early with their states and positions. A larger cycle waits for its commit:
// it is in no hurry, and each key's state is then written once.
constexpr std::size_t max_early_bytes = 128 << 10;

}  // namespace

// --- the open cycle ---

Result<void> CycleWriter::check_positions(const SliceEffects& slice, const OwnedPartition& owned) const {
  for (const auto& position : slice.positions) {
    if (position.next <= owned.cursors.at(position.topic).read) continue;
    auto offsets = identity_.client->offset_range(identity_.options.topics[position.topic.value],
                                                  slice.partition, Isolation::read_uncommitted);
    if (!offsets) return offsets.error();
    if (position.next > offsets->end)
      return Error{ErrorCode::invalid_argument, "a position is after the end of its topic"};
  }
  return {};
}

Result<void> CycleWriter::append(std::shared_ptr<const SliceEffects> slice) {
  if (auto checked = check_effects(*slice, identity_.options, identity_.shape); !checked) return checked;
  const OwnedPartition* owned = inputs_.find(slice->partition);
  if (!owned || owned->stage != OwnedPartition::Stage::restored)
    return Error{ErrorCode::invalid_argument, "partition " + std::to_string(slice->partition.value) +
                                                  " is not assigned to this session of service " +
                                                  printable(identity_.options.service)};
  const std::size_t bytes = open_.bytes + slice->size;
  const std::size_t max = identity_.client->options().max_cycle_bytes;
  if (bytes > max)
    return Error{ErrorCode::too_large, "a commit cycle of " + std::to_string(bytes) + " bytes: at most " +
                                           std::to_string(max) + " are allowed"};
  if (auto checked = check_positions(*slice, *owned); !checked) return checked;
  add_to_cycle(slice, *owned);
  open_.bytes = bytes;
  send_early(*slice, *owned);
  return {};
}

void CycleWriter::add_to_cycle(const std::shared_ptr<const SliceEffects>& slice,
                               const OwnedPartition& owned) {
  // All positions of the partition: a cycle without any would not be fenced.
  for (const auto& [input, cursor] : owned.cursors)
    open_.positions.try_emplace({slice->partition, input}, next_position({slice->partition, input}, cursor));
  for (const auto& position : slice->positions)
    open_.positions[{slice->partition, position.topic}] = {
        position.next, owned.cursors.at(position.topic).fingerprint.newest_before(position.next)};
  if (!slice->state.empty()) add_changes(open_.states[slice->partition], *slice);
  if (!slice->outputs.empty()) open_.outputs.emplace_back(slice, &slice->outputs);
}

void CycleWriter::add_changes(States& states, const SliceEffects& slice) const {
  for (const auto& change : slice.state)
    states.insert_or_assign(changelog_key(identity_.options.keyspaces[change.keyspace.value], change.key),
                            change.value);
}

// Of a short cycle the whole slice, so that little is left for the commit. Of a longer one the outputs; the
// first of them come with positions, which begin the transaction.
void CycleWriter::send_early(const SliceEffects& slice, const OwnedPartition& owned) {
  const bool whole = is_short_ && open_.states_sent && open_.bytes <= max_early_bytes;
  const bool has_outputs =
      sends_early_ && !slice.outputs.empty() && open_.outputs_sent + 1 == open_.outputs.size();
  open_.states_sent = open_.states_sent && (whole || slice.state.empty());
  if (!whole && !has_outputs) return;
  EarlyPart part{.partition = slice.partition, .cycle = open_.name, .log = owned.log};
  if (whole || open_.outputs_sent == 0) {
    auto group = inputs_.group();
    if (!group) {  // its partitions are lost; the commit reports it
      open_.states_sent = false;
      return;
    }
    part.group = *std::move(group);
    for (const auto& [input, cursor] : owned.cursors) {
      const InputPartition place{slice.partition, input};
      part.positions[place] = open_.positions.at(place);
    }
  }
  if (has_outputs) part.outputs = open_.outputs.back(), ++open_.outputs_sent;
  if (whole) add_changes(part.states, slice);
  committer_.add(std::move(part));
}

// The position of a topic partition once the pending commit is done.
Position CycleWriter::next_position(const InputPartition& place, const InputCursor& cursor) const {
  if (pending_) {
    const auto& positions = pending_->contents.positions;
    if (const auto it = positions.find(place); it != positions.end()) return it->second;
  }
  return cursor.position();
}

// --- commits ---

Result<void> CycleWriter::commit(CycleId cycle) {
  if (pending_ || outcome_)
    return Error{ErrorCode::invalid_argument, "commit: the last cycle's outcome was not polled yet"};
  pending_ = std::make_unique<PendingCommit>();
  pending_->cycle = cycle;
  pending_->contents = std::exchange(open_, new_cycle());
  auto group = inputs_.group();
  if (!group && !pending_->contents.empty()) {
    committer_.abort();
    pending_->finish(CommitOutcome::aborted(group.error()));
    wake_();
    return {};
  }
  if (group) pending_->group = *std::move(group);
  take_logs_and_copies();
  committer_.commit(*pending_);
  return {};
}

// The committing thread moves both on.
void CycleWriter::take_logs_and_copies() {
  for (const auto& [place, next] : pending_->contents.positions) {
    const OwnedPartition* owned = inputs_.find(place.first);
    if (!owned) continue;
    pending_->copies[place.first] = owned->copy;
    pending_->logs[place.first] = owned->log;
  }
}

void CycleWriter::take_outcomes() {
  if (refresh_ && refresh_->done) {
    const CommitOutcome& how = *refresh_->outcome;
    if (how.is_failed() || how.is_unknown()) outcome_ = how.error();
    refresh_.reset();
  }
  if (!pending_ || !pending_->done || outcome_) return;
  const CycleId cycle = pending_->cycle;
  const CommitOutcome& how = *pending_->outcome;
  switch (how.kind()) {
    case CommitOutcome::Kind::committed:
      apply_committed();
      outcome_ = StoreEvent(Committed{cycle});
      break;
    case CommitOutcome::Kind::aborted:
      outcome_ = StoreEvent(Aborted{cycle, how.error()});
      break;
    case CommitOutcome::Kind::unknown:
      outcome_ = StoreEvent(UnknownOutcome{cycle, how.error()});
      return;  // resolve() needs the pending commit
    case CommitOutcome::Kind::failed:
      outcome_ = how.error();
      break;
  }
  pending_.reset();
}

void CycleWriter::apply_committed() {
  for (const auto& [place, position] : pending_->contents.positions) {
    OwnedPartition* owned = inputs_.find(place.first);
    if (!owned) continue;
    owned->cursors[place.second].commit(position);
    owned->log = pending_->logs[place.first];
  }
}

Result<std::optional<StoreEvent>> CycleWriter::outcome() {
  take_outcomes();
  if (!outcome_) return std::optional<StoreEvent>();
  auto outcome = *std::exchange(outcome_, {});
  if (!outcome) return outcome.error();
  if (std::holds_alternative<Aborted>(*outcome)) {
    // Slices that were appended since depend on it.
    if (auto aborted = abort_open_cycle(); !aborted) return aborted.error();
  }
  return std::optional<StoreEvent>(*std::move(outcome));
}

Result<void> CycleWriter::abort_open_cycle() {
  open_ = new_cycle();
  committer_.abort();
  return inputs_.rewind();
}

Result<void> CycleWriter::abort() {
  if (pending_) committer_.wait(), take_outcomes();  // a commit that has begun is not aborted
  return abort_open_cycle();
}

// --- commits without an answer ---

bool CycleWriter::is_unknown(CycleId cycle) const {
  return pending_ && pending_->cycle == cycle && pending_->done && pending_->outcome->is_unknown();
}

// A new producer with the same id ends the transaction that the old one left; then the committed positions
// show the outcome.
Result<Outcome> CycleWriter::resolve() {
  committer_.wait();
  if (auto renewed = committer_.renew(); !renewed) return renewed.error();
  const auto pending = std::move(pending_);
  const InputPartition place = pending->contents.positions.begin()->first;
  auto found = identity_.client->committed(identity_.group(), {identity_.in_kafka(place)});
  if (!found) return found.error();
  const auto note = read_note(found->at(0).metadata);
  if (note.by != identity_.transactional_id() || note.cycle != pending->contents.name) {
    open_ = new_cycle();
    if (auto rewound = inputs_.rewind(); !rewound) return rewound.error();
    return Outcome::aborted;
  }
  if (auto caught_up = catch_up(*pending); !caught_up) return caught_up.error();
  open_.outputs_sent = 0, open_.states_sent = false;  // the new producer has sent nothing
  return Outcome::committed;
}

// The cycle is committed: its states are read from the changelog.
Result<void> CycleWriter::catch_up(const PendingCommit& pending) {
  std::vector<Restore> restores;
  for (const auto& [place, position] : pending.contents.positions) {
    OwnedPartition* owned = inputs_.find(place.first);
    if (!owned) continue;
    owned->cursors[place.second].commit(position);
    if (restores.empty() || restores.back().partition != place.first)
      restores.push_back({.partition = place.first,
                          .copy = owned->copy,
                          .expected_log = incarnation_of(owned->log),
                          .is_kept = true});
  }
  auto restored = restore(*identity_.client, identity_.options.service, restores, {});
  if (!restored) return restored;
  for (const auto& done : restores) inputs_.find(done.partition)->log = done.place;
  return {};
}

// --- periodic work ---

// Positions in topics outside the subscription expire some days after their last commit.
void CycleWriter::refresh_positions_if_due() {
  const auto now = std::chrono::steady_clock::now();
  if (now - refreshed_ < identity_.client->options().position_refresh) return;
  if (refresh_ || pending_ || outcome_ || !open_.empty()) return;
  auto group = inputs_.group();
  if (!group) return;
  refreshed_ = now;
  refresh_ = std::make_unique<PendingCommit>();
  refresh_->group = *std::move(group);
  refresh_->contents.name = new_cycle().name;
  for (const auto& [p, owned] : inputs_.owned()) {
    if (owned.leaving || owned.stage != OwnedPartition::Stage::restored) continue;
    refresh_->logs[p] = owned.log;
    for (const auto& [input, cursor] : owned.cursors)
      refresh_->contents.positions[{p, input}] = cursor.position();
  }
  committer_.commit(*refresh_);
}

// A copy whose partition is quiet stays as good as a busy one. Its place gets a new date, or the copy would
// be taken for too old after a restart. Only while the committing thread is idle.
Result<void> CycleWriter::refresh_copy_dates_if_due() {
  const auto now = std::chrono::steady_clock::now();
  if (pending_ || refresh_ || now - copies_noted_ < identity_.client->options().copy_refresh) return {};
  copies_noted_ = now;
  for (const auto& [p, owned] : inputs_.owned()) {
    if (owned.stage != OwnedPartition::Stage::restored || !owned.copy) continue;
    auto place = owned.copy->place();
    if (!place) return place.error();
    place->synced = SystemClock{}.date();
    if (auto noted = owned.copy->apply({}, *place); !noted) return noted;
  }
  return {};
}

}  // namespace eventy::kafka::detail
