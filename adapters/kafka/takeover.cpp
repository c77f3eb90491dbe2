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
Result<void> Takeover::end_transactions_of_the_dead(const Scope& scope,
                                                    const std::vector<Place>& places) const {
  auto found = scope.client->committed(scope.group(), scope.in_kafka(places), Client::Stability::as_is, stop);
  if (!found) return found.error();
  std::set<std::string> others;
  for (const auto& committed : *found) {
    const auto by = read_note(committed.metadata).by;
    if (!by.empty() && by != scope.transactional_id()) others.insert(by);
  }
  for (const auto& id : others) {
    const auto member = scope.member_with(id);
    if (!member) continue;
    auto now = membership_of(*scope.client, scope.group(), stop);
    if (!now) return now.error();
    if (now->members.contains(*member) && *member != scope.member()) continue;
    if (auto undone = Transaction::open(*scope.client, id); !undone) return undone.error();
  }
  return {};
}

Result<void> Takeover::find_positions(const Scope& scope) {
  const auto places = scope.places_of(partitions);
  if (auto ended = end_transactions_of_the_dead(scope, places); !ended) return ended;
  const auto there = scope.in_kafka(places);
  auto committed = scope.client->committed(scope.group(), there, Client::Stability::stable, stop);
  if (!committed) return committed.error();
  auto first = scope.client->edges(there, Client::Edge::first, Isolation::read_uncommitted);
  if (!first) return first.error();
  auto end = scope.client->edges(there, Client::Edge::end, Isolation::read_uncommitted);
  if (!end) return end.error();
  std::map<PartitionId, Restore> logs;
  for (const PartitionId p : partitions) logs[p].partition = p;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto& at = (*committed)[i];
    const Offset next = at.next.value_or((*first)[i]);
    if (auto checked = check_range(scope, places[i], next, {(*first)[i], (*end)[i]}); !checked)
      return checked;
    const auto note = read_note(at.metadata);
    positions[places[i]] = {
        next, note.last.at >= (*first)[i] && note.belongs_to(next) ? note.last : RecordFingerprint{}};
    if (!at.next) unread.push_back(places[i]);
    if (at.next && !(note.belongs_to(next) && scope.member_with(note.by))) unsigned_.push_back(places[i]);
    signed_by_us = signed_by_us && at.next && note.by == scope.transactional_id() && note.belongs_to(next);
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
Result<void> Takeover::check_begun(const Scope& scope) const {
  const auto is_begun = [&](const Place& place) {
    const auto log = std::find_if(restores.begin(), restores.end(),
                                  [&](const Restore& r) { return r.partition == place.first; });
    return log->name.begun.contains(scope.options.topics[place.second.value]);
  };
  for (const auto& place : unread)
    if (is_begun(place))
      return Error{ErrorCode::corrupt,
                   "service " + printable(scope.options.service) + " has no position in " +
                       scope.names(place) +
                       " any more, though it had one: the offsets of its group expired or were deleted, as "
                       "they are with a topic. " +
                       scope.how_to_go_on()};
  for (const auto& place : unsigned_) {
    if (!is_begun(place)) continue;
    const auto error = not_ours(scope, place);
    if (!scope.client->options().accept_positions.contains(scope.options.service)) return error;
    scope.client->warn("accepted: " + error.message);
  }
  return {};
}

Error Takeover::not_ours(const Scope& scope, const Place& place) const {
  return {ErrorCode::corrupt,
          "service " + printable(scope.options.service) + " was set to offset " +
              std::to_string(positions.at(place).next.value) + " of " + scope.names(place) +
              " by another program in group " + printable(scope.group()) +
              " or by a tool, while its states are of what it had read: some records would be handled twice "
              "or never. Set it back, " +
              scope.how_to_accept()};
}

std::shared_ptr<Takeover> Takeover::part(std::vector<Restore> restored) const {
  auto part = std::make_shared<Takeover>();
  part->number = number;
  part->stop = stop;
  part->signed_by_us = signed_by_us;
  for (const auto& log : restored) {
    part->partitions.push_back(log.partition);
    for (auto at = positions.lower_bound({log.partition, {}});
         at != positions.end() && at->first.first == log.partition; ++at)
      part->positions.insert(*at);
  }
  for (const auto& place : unread)
    if (part->positions.contains(place)) part->unread.push_back(place);
  for (const auto& place : unsigned_)
    if (part->positions.contains(place)) part->unsigned_.push_back(place);
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
  append(unsigned_, part.unsigned_);
  append(restores, part.restores);
}

// What its name must say, where it does not say so yet. Not of one that went elsewhere before its positions
// were committed.
std::optional<LogName> Takeover::new_name(const Scope& scope, const Restore& log) const {
  const auto places = scope.places_of({log.partition});
  if (!positions.contains(places.front())) return {};
  LogName name = log.name;
  for (const auto& place : places) name.begun.insert(scope.options.topics[place.second.value]);
  if (!name.incarnation.empty() && name.begun == log.name.begun) return {};
  if (name.incarnation.empty()) name.incarnation = random_uuid();
  return name;
}

bool Takeover::is_signed(const Scope& scope) const {
  return positions.empty() ||
         (signed_by_us && std::none_of(restores.begin(), restores.end(),
                                       [&](const Restore& log) { return new_name(scope, log); }));
}

Landing Takeover::sign(const Scope& scope, const rd_kafka_consumer_group_metadata_t* group) {
  std::vector<NamedLog> names;  // outlive the transaction, which tells them where they are
  for (auto& log : restores)
    if (auto name = new_name(scope, log)) names.emplace_back(log, *std::move(name));
  auto transaction = Transaction::open(*scope.client, scope.id_of_takeovers());
  if (!transaction) return {Landing::How::failed, transaction.error()};
  Landing sent = send(scope, **transaction, group, names);
  if (sent.how != Landing::How::committed) return sent;
  Landing landing = (*transaction)->commit();
  if (landing.how != Landing::How::committed) return landing;
  for (auto& name : names)
    if (auto noted = name.note(); !noted) return {Landing::How::failed, noted.error()};
  return landing;
}

// In one transaction, so that the group's generation fences the names as well.
Landing Takeover::send(const Scope& scope, Transaction& transaction,
                       const rd_kafka_consumer_group_metadata_t* group, std::vector<NamedLog>& names) const {
  const auto list = make_list(static_cast<int>(positions.size()));
  for (const auto& [place, position] : positions) {
    PositionNote note{.by = scope.transactional_id()};
    for (const auto& log : restores)
      if (log.partition == place.first) note.log = log.name.incarnation, note.log_reached = log.place.next;
    add_position(*list, scope.in_kafka(place), position, note);
  }
  if (auto begun = transaction.begin(); !begun) return {Landing::How::failed, begun.error()};
  Landing sent = transaction.send_positions(*list, group);
  if (sent.how != Landing::How::committed) return sent;
  for (auto& name : names) {
    auto added =
        transaction.add({scope.changelog(), name.partition()}, name.record(), Transaction::Values::copied);
    if (!added) return transaction.abort(added.error());
  }
  return sent;
}

void Takeover::rest(const Scope& scope, const Error& reason) {
  constexpr std::chrono::milliseconds first_rest{100};
  constexpr std::size_t longest = 10, lasts = 30;  // tries
  ++tries;
  if (tries == (reason.code == ErrorCode::clock ? 1 : lasts))
    scope.client->warn("service " + printable(scope.options.service) +
                       ": partitions cannot be taken over yet: " + reason.message);
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any().wait_for(lock, stop, first_rest * std::min(tries, longest),
                                         [] { return false; });
}

}  // namespace eventy::kafka::detail
