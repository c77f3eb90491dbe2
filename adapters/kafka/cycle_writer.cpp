#include "cycle_writer.hpp"

#include "positions.hpp"
#include "restore.hpp"

namespace eventy::kafka::detail {
namespace {

// Of a cycle; what comes behind waits for the commit. So much at once is not in a hurry, and a key's state is
// written once.
constexpr std::size_t max_early_bytes = 128 << 10;

}  // namespace

// --- the open cycle ---

Result<void> CycleWriter::check_positions(const SliceEffects& effects, const OwnedPartition& owned) const {
  for (const auto& position : effects.positions) {
    if (position.next <= owned.cursors.at(position.topic).read) continue;
    auto ends = identity_.client->offset_range(identity_.options.topics[position.topic.value],
                                               effects.partition, Isolation::read_uncommitted);
    if (!ends) return ends.error();
    if (position.next > ends->end)
      return Error{ErrorCode::invalid_argument, "a position behind the end of its topic"};
  }
  return {};
}

Result<void> CycleWriter::append(std::shared_ptr<const SliceEffects> slice) {
  const SliceEffects& effects = *slice;
  if (auto checked = check_effects(effects, identity_.options, identity_.shape); !checked) return checked;
  const OwnedPartition* owned = inputs_.find(effects.partition);
  if (!owned || owned->stage != OwnedPartition::Stage::restored)
    return Error{ErrorCode::invalid_argument, "partition " + std::to_string(effects.partition.value) +
                                                  " is not assigned to this session of service " +
                                                  printable(identity_.options.service)};
  const std::size_t bytes = effects.size;
  if (open_.bytes + bytes > identity_.client->options().max_cycle_size)
    return Error{ErrorCode::too_large,
                 "a commit cycle of " + std::to_string(open_.bytes + bytes) + " bytes: at most " +
                     std::to_string(identity_.client->options().max_cycle_size) + " are allowed"};
  if (auto checked = check_positions(effects, *owned); !checked) return checked;
  take(slice, *owned);
  open_.bytes += bytes;
  send_early(effects, *owned);
  return {};
}

void CycleWriter::take(const std::shared_ptr<const SliceEffects>& slice, const OwnedPartition& owned) {
  const SliceEffects& effects = *slice;
  // A cycle without any position would not be fenced.
  for (const auto& [input, cursor] : owned.cursors)
    open_.positions.try_emplace({effects.partition, input},
                                next_position({effects.partition, input}, cursor));
  for (const auto& position : effects.positions)
    open_.positions[{effects.partition, position.topic}] = {
        position.next, owned.cursors.at(position.topic).fingerprint.before(position.next)};
  if (!effects.state.empty()) change(open_.states[effects.partition], effects);
  if (!effects.outputs.empty()) open_.outputs.emplace_back(slice, &slice->outputs);
}

void CycleWriter::change(States& states, const SliceEffects& effects) const {
  for (const auto& change : effects.state)
    states.insert_or_assign(changelog_key(identity_.options.keyspaces[change.keyspace.value], change.key),
                            change.value);
}

// Of a short cycle all of the slice, so that little is left to do at the commit. Of a longer one the outputs;
// the first of them come with positions, which open the transaction.
void CycleWriter::send_early(const SliceEffects& effects, const OwnedPartition& owned) {
  const bool whole = is_short_ && open_.states_sent && open_.bytes <= max_early_bytes;
  const bool has_outputs =
      writes_early_ && !effects.outputs.empty() && open_.outputs_sent + 1 == open_.outputs.size();
  open_.states_sent = open_.states_sent && (whole || effects.state.empty());
  if (!whole && !has_outputs) return;
  EarlyPart early{.partition = effects.partition, .cycle = open_.name, .log = owned.log};
  if (whole || open_.outputs_sent == 0) {
    auto group = inputs_.group();
    if (!group) {  // its partitions are lost, as the commit will find
      open_.states_sent = false;
      return;
    }
    early.group = *std::move(group);
    for (const auto& [input, cursor] : owned.cursors) {
      const Place place{effects.partition, input};
      early.positions[place] = open_.positions.at(place);
    }
  }
  if (has_outputs) early.outputs = open_.outputs.back(), ++open_.outputs_sent;
  if (whole) change(early.states, effects);
  committer_.add(std::move(early));
}

// Where a service stands once the cycle in flight is committed.
Position CycleWriter::next_position(const Place& place, const InputCursor& cursor) const {
  if (pending_) {
    const auto& flying = pending_->effects.positions;
    if (const auto it = flying.find(place); it != flying.end()) return it->second;
  }
  return cursor.position();
}

// --- commits ---

Result<void> CycleWriter::commit(CycleId cycle) {
  if (pending_ || outcome_)
    return Error{ErrorCode::invalid_argument, "commit: the last cycle's outcome was not polled yet"};
  pending_ = std::make_unique<PendingCommit>();
  pending_->cycle = cycle;
  pending_->effects = std::exchange(open_, new_cycle());
  auto group = inputs_.group();
  if (!group && !pending_->effects.empty()) {
    committer_.abort();
    pending_->landing = {Landing::How::aborted, group.error()};
    pending_->landed = true;
    wake_();
    return {};
  }
  if (group) pending_->group = *std::move(group);
  note_places();
  committer_.commit(*pending_);
  return {};
}

// Of the changelog and the local copies, which the committing thread moves on.
void CycleWriter::note_places() {
  for (const auto& [place, next] : pending_->effects.positions) {
    const OwnedPartition* owned = inputs_.find(place.first);
    if (!owned) continue;
    pending_->copies[place.first] = owned->copy;
    pending_->logs[place.first] = owned->log;
  }
}

// What a commit that came to its end changes in what is known here.
void CycleWriter::settle() {
  if (refresh_ && refresh_->landed) {
    if (refresh_->landing.how == Landing::How::failed || refresh_->landing.how == Landing::How::unknown)
      outcome_ = refresh_->landing.error;
    refresh_.reset();
  }
  if (!pending_ || !pending_->landed || outcome_) return;
  const CycleId cycle = pending_->cycle;
  const Landing& landing = pending_->landing;
  switch (landing.how) {
    case Landing::How::committed:
      settle_committed();
      outcome_ = StoreEvent(Committed{cycle});
      break;
    case Landing::How::aborted:
      outcome_ = StoreEvent(Aborted{cycle, landing.error});
      break;
    case Landing::How::unknown:
      outcome_ = StoreEvent(UnknownOutcome{cycle, landing.error});
      return;  // the flight is needed by resolve()
    case Landing::How::failed:
      outcome_ = landing.error;
      break;
  }
  pending_.reset();
}

void CycleWriter::settle_committed() {
  for (const auto& [place, position] : pending_->effects.positions) {
    OwnedPartition* owned = inputs_.find(place.first);
    if (!owned) continue;
    owned->cursors[place.second].commit(position);
    owned->log = pending_->logs[place.first];
  }
}

Result<std::optional<StoreEvent>> CycleWriter::outcome() {
  settle();
  if (!outcome_) return std::optional<StoreEvent>();
  auto outcome = *std::exchange(outcome_, {});
  if (!outcome) return outcome.error();
  if (std::holds_alternative<Aborted>(*outcome)) {
    // What was appended since shares its fate.
    if (auto undone = undo(); !undone) return undone.error();
  }
  return std::optional<StoreEvent>(*std::move(outcome));
}

Result<void> CycleWriter::undo() {
  open_ = new_cycle();
  committer_.abort();
  return inputs_.rewind();
}

Result<void> CycleWriter::abort() {
  if (pending_) committer_.wait(), settle();  // a commit that was begun is not undone
  return undo();
}

// --- commits without an answer ---

bool CycleWriter::is_unknown(CycleId cycle) const {
  return pending_ && pending_->cycle == cycle && pending_->landing.how == Landing::How::unknown;
}

// A new producer of the same id ends what the old one left open; then the committed positions tell.
Result<Outcome> CycleWriter::resolve() {
  committer_.wait();
  if (auto renewed = committer_.renew(); !renewed) return renewed.error();
  const auto pending = std::move(pending_);
  const Place place = pending->effects.positions.begin()->first;
  auto found = identity_.client->committed(identity_.group(), {identity_.in_kafka(place)});
  if (!found) return found.error();
  const auto note = read_note(found->at(0).metadata);
  if (note.by != identity_.transactional_id() || note.cycle != pending->effects.name) {
    open_ = new_cycle();
    if (auto back = inputs_.rewind(); !back) return back.error();
    return Outcome::aborted;
  }
  if (auto known = catch_up(*pending); !known) return known.error();
  open_.outputs_sent = 0, open_.states_sent = false;  // the producer is a new one
  return Outcome::committed;
}

// With a cycle that turned out to be committed: its states are read from the log.
Result<void> CycleWriter::catch_up(const PendingCommit& pending) {
  std::vector<Restore> restores;
  for (const auto& [place, position] : pending.effects.positions) {
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
  for (const auto& task : restores) inputs_.find(task.partition)->log = task.place;
  return {};
}

// --- now and then ---

// Positions in topics that are assigned beside the subscription expire some days after their last commit.
void CycleWriter::refresh_if_due() {
  const auto now = std::chrono::steady_clock::now();
  if (now - refreshed_ < identity_.client->options().position_refresh) return;
  if (refresh_ || pending_ || outcome_ || !open_.empty()) return;
  auto group = inputs_.group();
  if (!group) return;
  refreshed_ = now;
  refresh_ = std::make_unique<PendingCommit>();
  refresh_->group = *std::move(group);
  refresh_->effects.name = new_cycle().name;
  for (const auto& [p, owned] : inputs_.owned()) {
    if (owned.leaving || owned.stage != OwnedPartition::Stage::restored) continue;
    refresh_->logs[p] = owned.log;
    for (const auto& [input, cursor] : owned.cursors)
      refresh_->effects.positions[{p, input}] = cursor.position();
  }
  committer_.commit(*refresh_);
}

// What a quiet copy holds is as good as what a busy one does. Its place says so, or the copy would be taken
// for too old after a restart. The committing thread rests meanwhile.
Result<void> CycleWriter::note_copies_if_due() {
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
