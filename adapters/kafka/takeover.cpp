#include "takeover.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "group.hpp"
#include "positions.hpp"

namespace eventy::kafka::detail {
// A node that died, or was taken for dead, may have left a transaction open on these positions: they cannot
// be read, nor can what it wrote, until the cluster gives it up. To take over its transactional id ends it at
// once. Our own id of an earlier release is a dead node's as well; one that is not of this service, written
// into a position by whatever program, is left alone.
Result<void> Takeover::end_transactions_of_the_dead(const SessionIdentity& identity,
                                                    const std::vector<Place>& places) const {
  auto found =
      identity.client->committed(identity.group(), identity.in_kafka(places), Client::Stability::as_is, stop);
  if (!found) return found.error();
  std::set<std::string> others;
  for (const auto& committed : *found) {
    const auto by = read_note(committed.metadata).by;
    if (!by.empty() && by != identity.transactional_id()) others.insert(by);
  }
  for (const auto& id : others) {
    const auto member = identity.member_with(id);
    if (!member) continue;
    auto now = membership_of(*identity.client, identity.group(), stop);
    if (!now) return now.error();
    if (now->members.contains(*member) && *member != identity.member()) continue;
    if (auto undone = TransactionalProducer::open(*identity.client, id); !undone) return undone.error();
  }
  return {};
}

Result<void> Takeover::find_positions(const SessionIdentity& identity) {
  const auto places = identity.places_of(partitions);
  if (auto ended = end_transactions_of_the_dead(identity, places); !ended) return ended;
  const auto there = identity.in_kafka(places);
  auto committed = identity.client->committed(identity.group(), there, Client::Stability::stable, stop);
  if (!committed) return committed.error();
  auto first =
      identity.client->list_offsets(there, Client::OffsetSpec::earliest, Isolation::read_uncommitted);
  if (!first) return first.error();
  auto end = identity.client->list_offsets(there, Client::OffsetSpec::latest, Isolation::read_uncommitted);
  if (!end) return end.error();
  std::map<PartitionId, Restore> logs;
  for (const PartitionId p : partitions) logs[p].partition = p;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto& at = (*committed)[i];
    const Offset next = at.next.value_or((*first)[i]);
    if (auto checked = check_range(identity, places[i], next, {(*first)[i], (*end)[i]}); !checked)
      return checked;
    const auto note = read_note(at.metadata);
    positions[places[i]] = {
        next, note.last.at >= (*first)[i] && note.belongs_to(next) ? note.last : RecordFingerprint{}};
    if (!at.next) unread.push_back(places[i]);
    if (at.next && !(note.belongs_to(next) && identity.member_with(note.by))) foreign.push_back(places[i]);
    committed_by_us =
        committed_by_us && at.next && note.by == identity.transactional_id() && note.belongs_to(next);
    auto& log = logs[places[i].first];
    // Of the newest cycle of the partition: each one names all of its positions, but a takeover knows nothing
    // new.
    if (!note.log.empty() && note.log_reached >= log.expected_reach)
      log.expected_log = note.log, log.expected_reach = note.log_reached;
  }
  for (auto& [p, log] : logs) restores.push_back(std::move(log));
  return {};
}

// Of an input that was read before, which the changelog tells: a position that is not there any more expired,
// or somebody deleted it, and to begin again would handle everything twice. One that no node wrote was set by
// a tool or by another program in the group, and the states are of another position.
Result<void> Takeover::check_begun(const SessionIdentity& identity) const {
  const auto is_begun = [&](const Place& place) {
    const auto log = std::find_if(restores.begin(), restores.end(),
                                  [&](const Restore& r) { return r.partition == place.first; });
    return log->name.begun.contains(identity.options.topics[place.second.value]);
  };
  for (const auto& place : unread)
    if (is_begun(place))
      return Error{ErrorCode::corrupt,
                   "service " + printable(identity.options.service) + " has no position in " +
                       identity.names(place) +
                       " any more, though it had one: the offsets of its group expired or were deleted, as "
                       "they are with a topic. " +
                       identity.how_to_continue()};
  for (const auto& place : foreign) {
    if (!is_begun(place)) continue;
    const auto error = not_ours(identity, place);
    if (!identity.client->options().accept_positions.contains(identity.options.service)) return error;
    identity.client->log_warning("accepted: " + error.message);
  }
  return {};
}

Error Takeover::not_ours(const SessionIdentity& identity, const Place& place) const {
  return {ErrorCode::corrupt,
          "service " + printable(identity.options.service) + " was set to offset " +
              std::to_string(positions.at(place).next.value) + " of " + identity.names(place) +
              " by another program in group " + printable(identity.group()) +
              " or by a tool, while its states are of what it had read: some records would be handled twice "
              "or never. Set it back, " +
              identity.how_to_accept()};
}

std::shared_ptr<Takeover> Takeover::part(std::vector<Restore> restored) const {
  auto part = std::make_shared<Takeover>();
  part->number = number;
  part->stop = stop;
  part->committed_by_us = committed_by_us;
  for (const auto& log : restored) {
    part->partitions.push_back(log.partition);
    for (auto at = positions.lower_bound({log.partition, {}});
         at != positions.end() && at->first.first == log.partition; ++at)
      part->positions.insert(*at);
  }
  for (const auto& place : unread)
    if (part->positions.contains(place)) part->unread.push_back(place);
  for (const auto& place : foreign)
    if (part->positions.contains(place)) part->foreign.push_back(place);
  part->restores = std::move(restored);
  return part;
}

void Takeover::add(Takeover&& part) {
  positions.merge(part.positions);
  const auto append = [](auto& to, auto& from) {
    std::move(from.begin(), from.end(), std::back_inserter(to));
  };
  append(partitions, part.partitions);
  append(unread, part.unread);
  append(foreign, part.foreign);
  append(restores, part.restores);
}

// What its name must say, where it does not say so yet. Not of one that went elsewhere before its positions
// were committed.
std::optional<LogName> Takeover::new_name(const SessionIdentity& identity, const Restore& log) const {
  const auto places = identity.places_of({log.partition});
  if (!positions.contains(places.front())) return {};
  LogName name = log.name;
  for (const auto& place : places) name.begun.insert(identity.options.topics[place.second.value]);
  if (!name.incarnation.empty() && name.begun == log.name.begun) return {};
  if (name.incarnation.empty()) name.incarnation = random_uuid();
  return name;
}

bool Takeover::is_ownership_committed(const SessionIdentity& identity) const {
  return positions.empty() ||
         (committed_by_us && std::none_of(restores.begin(), restores.end(),
                                          [&](const Restore& log) { return new_name(identity, log); }));
}

Landing Takeover::commit_ownership(const SessionIdentity& identity,
                                   const rd_kafka_consumer_group_metadata_t* group) {
  std::vector<LogNameRecord> names;  // outlive the transaction, which tells them where they are
  for (auto& log : restores)
    if (auto name = new_name(identity, log)) names.emplace_back(log, *std::move(name));
  auto transaction = TransactionalProducer::open(*identity.client, identity.id_of_takeovers());
  if (!transaction) return {Landing::How::failed, transaction.error()};
  Landing sent = send(identity, **transaction, group, names);
  if (sent.how != Landing::How::committed) return sent;
  Landing landing = (*transaction)->commit();
  if (landing.how != Landing::How::committed) return landing;
  for (auto& name : names)
    if (auto noted = name.note(); !noted) return {Landing::How::failed, noted.error()};
  return landing;
}

// In one transaction, so that the group's generation fences the names as well.
Landing Takeover::send(const SessionIdentity& identity, TransactionalProducer& transaction,
                       const rd_kafka_consumer_group_metadata_t* group,
                       std::vector<LogNameRecord>& names) const {
  const auto list = make_list(static_cast<int>(positions.size()));
  for (const auto& [place, position] : positions) {
    PositionNote note{.by = identity.transactional_id()};
    for (const auto& log : restores)
      if (log.partition == place.first) note.log = log.name.incarnation, note.log_reached = log.place.next;
    add_position(*list, identity.in_kafka(place), position, note);
  }
  if (auto begun = transaction.begin(); !begun) return {Landing::How::failed, begun.error()};
  Landing sent = transaction.send_positions(*list, group);
  if (sent.how != Landing::How::committed) return sent;
  for (auto& name : names) {
    auto added = transaction.add({identity.changelog(), name.partition()}, name.record(),
                                 TransactionalProducer::Values::copied);
    if (!added) return transaction.abort(added.error());
  }
  return sent;
}

void Takeover::rest(const SessionIdentity& identity, const Error& reason) {
  constexpr std::chrono::milliseconds first_rest{100};
  constexpr std::size_t longest = 10, lasts = 30;  // tries
  ++tries;
  if (tries == (reason.code == ErrorCode::clock ? 1 : lasts))
    identity.client->log_warning("service " + printable(identity.options.service) +
                                 ": partitions cannot be taken over yet: " + reason.message);
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any().wait_for(lock, stop, first_rest * std::min(tries, longest),
                                         [] { return false; });
}

}  // namespace eventy::kafka::detail
