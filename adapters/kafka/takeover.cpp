#include "takeover.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "eventy/store/start.hpp"
#include "group.hpp"
#include "positions.hpp"

namespace eventy::kafka::detail {

// A node that died, or seemed dead, may have left a transaction open on these positions. Neither they nor its
// outputs can be read until the cluster times the transaction out. A new producer with the node's
// transactional id ends it at once. Our own id of an earlier release counts as a dead node's. An id of
// another service, which any program may have written into a note, is left alone.
Result<void> Takeover::end_transactions_of_the_dead(const SessionIdentity& identity,
                                                    const std::vector<InputPartition>& places) const {
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
    if (auto ended = TransactionalProducer::open(*identity.client, id); !ended) return ended.error();
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
    const auto start = at.next ? Result<Offset>(*at.next) : first_position(identity, places[i], (*first)[i]);
    if (!start) return start.error();
    const Offset next = *start;
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
    // The newest cycle of the partition counts: each cycle notes all positions of the partition, but the
    // notes of a takeover are as old as what it found.
    if (!note.log.empty() && note.log_reached >= log.expected_reach)
      log.expected_log = note.log, log.expected_reach = note.log_reached;
  }
  for (auto& [p, log] : logs) restores.push_back(std::move(log));
  return {};
}

// "Latest" is the end of what is committed: what is in an open transaction comes later.
Result<Offset> Takeover::first_position(const SessionIdentity& identity, const InputPartition& place,
                                        Offset first) {
  const std::string& topic = identity.options.topics[place.second.value];
  if (identity.options.start.of(topic).at == StartPosition::At::earliest) return first;
  const auto there = identity.in_kafka(place);
  const auto end =
      identity.client->list_offsets({there}, Client::OffsetSpec::latest, Isolation::read_committed);
  if (!end) return end.error();
  return start_of(identity.options, topic, place.first, {first, end->at(0)},
                  [&](WallTime date) -> Result<Offset> {
                    auto found = identity.client->offset_of_date(there, date);
                    if (!found) return found.error();
                    return found->value_or(end->at(0));
                  });
}

// The changelog names the inputs that were begun. If the position of one is missing, it expired or was
// deleted, and reading from the start would handle all records twice. If no node wrote it, a tool or another
// program did, and the states belong to another position.
Result<void> Takeover::check_begun(const SessionIdentity& identity) const {
  const auto is_begun = [&](const InputPartition& place) {
    const auto log = std::find_if(restores.begin(), restores.end(),
                                  [&](const Restore& r) { return r.partition == place.first; });
    return log->name.begun.contains(identity.options.topics[place.second.value]);
  };
  for (const auto& place : unread)
    if (is_begun(place))
      return Error{
          ErrorCode::corrupt,
          "service " + printable(identity.options.service) + " had a position in " +
              identity.describe(place) +
              ", and it is missing: the offsets of its group expired or were deleted, as happens when "
              "a topic is deleted. " +
              identity.how_to_continue()};
  for (const auto& place : foreign) {
    if (!is_begun(place)) continue;
    const auto error = foreign_position(identity, place);
    if (!identity.client->options().accept_positions.contains(identity.options.service)) return error;
    identity.client->log_warning("accepted: " + error.message);
  }
  return {};
}

Error Takeover::foreign_position(const SessionIdentity& identity, const InputPartition& place) const {
  return {ErrorCode::corrupt,
          "service " + printable(identity.options.service) + " was set to offset " +
              std::to_string(positions.at(place).next.value) + " of " + identity.describe(place) +
              " by a tool, or by another program in group " + printable(identity.group()) +
              ". Its states belong to another offset, so some records would be handled twice or never. Set "
              "the offset back, " +
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

// The name that the log needs; nothing if it has it. Nor for a partition that was taken away before its
// positions were committed.
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

CommitOutcome Takeover::commit_ownership(const SessionIdentity& identity,
                                         const rd_kafka_consumer_group_metadata_t* group) {
  std::vector<LogNameRecord> names;  // outlive the producer, which writes their offsets to them
  for (auto& log : restores)
    if (auto name = new_name(identity, log)) names.emplace_back(log, *std::move(name));
  auto producer = TransactionalProducer::open(*identity.client, identity.id_of_takeovers());
  if (!producer) return CommitOutcome::failed(producer.error());
  if (auto sent = send(identity, **producer, group, names); !sent) return sent.ended();
  CommitOutcome outcome = (*producer)->commit();
  if (!outcome.is_committed()) return outcome;
  for (auto& name : names)
    if (auto noted = name.note(); !noted) return CommitOutcome::failed(noted.error());
  return outcome;
}

// In one transaction, so that the group's generation fences the names too.
StepResult Takeover::send(const SessionIdentity& identity, TransactionalProducer& producer,
                          const rd_kafka_consumer_group_metadata_t* group,
                          std::vector<LogNameRecord>& names) const {
  const auto list = make_list(static_cast<int>(positions.size()));
  for (const auto& [place, position] : positions) {
    PositionNote note{.by = identity.transactional_id()};
    for (const auto& log : restores)
      if (log.partition == place.first) note.log = log.name.incarnation, note.log_reached = log.place.next;
    add_position(*list, identity.in_kafka(place), position, note);
  }
  if (auto begun = producer.begin(); !begun) return CommitOutcome::failed(begun.error());
  if (auto sent = producer.send_positions(*list, group); !sent) return sent;
  for (auto& name : names) {
    auto added = producer.add({identity.changelog(), name.partition()}, name.record(),
                              TransactionalProducer::Values::copied);
    if (!added) return producer.abort(added.error());
  }
  return {};
}

void Takeover::back_off(const SessionIdentity& identity, const Error& reason) {
  constexpr std::chrono::milliseconds first_wait{100};
  constexpr std::size_t max_factor = 10, commits_before_warning = 30;
  ++failed_commits;
  if (failed_commits == (reason.code == ErrorCode::clock ? 1 : commits_before_warning))
    identity.client->log_warning("service " + printable(identity.options.service) +
                                 " cannot take over its partitions yet, and retries: " + reason.message);
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any().wait_for(lock, stop, first_wait * std::min(failed_commits, max_factor),
                                         [] { return false; });
}

}  // namespace eventy::kafka::detail
