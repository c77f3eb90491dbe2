// The members of a service and the partitions that they own in the simulated store.
#include <algorithm>

#include "eventy/store/start.hpp"
#include "store_impl.hpp"

namespace eventy::testing::detail {

using Hold = Member::Hold;

bool SimulatedMember::holds(PartitionId partition) const {
  const auto it = owned.find(partition);
  return it != owned.end() && it->second.hold != Hold::lost;
}

std::size_t SimulatedMember::share() const {
  return static_cast<std::size_t>(std::count_if(owned.begin(), owned.end(), [](const auto& entry) {
    return entry.second.hold == Hold::active || entry.second.hold == Hold::restoring;
  }));
}

Member* SimulatedService::owner(PartitionId partition) const {
  for (const auto& member : members)
    if (member->holds(partition)) return member.get();
  return nullptr;
}

Member* SimulatedService::of_node(const std::string& node) const {
  for (const auto& member : members)
    if (member->options.node == node) return member.get();
  return nullptr;
}

// Where nothing is committed, a first position is.
Result<void> SimulatedImpl::start(const Member& member) {
  std::map<std::pair<std::string, PartitionId>, Offset> started;
  for (const TopicIndex input : member.shape.inputs) {
    const std::string& name = member.options.topics[input.value];
    const auto& logs = topics.at(name);
    for (std::uint32_t p = 0; p < logs.size(); ++p) {
      if (service_of(member).positions.contains({name, {p}})) continue;
      const auto read = [&](Offset from) { return Result(logs[p].read(input, {p}, from, {})); };
      auto at = start_by_reading(member.options, name, {p}, {{}, logs[p].end}, read);
      if (!at) return at.error();
      started[{name, {p}}] = *at;
    }
  }
  service_of(member).positions.merge(started);
  return {};
}

// A node's new session inherits the partitions of its old one. Any other member takes those without an owner,
// and its share from the members with most.
void SimulatedImpl::join(const std::shared_ptr<Member>& member) {
  SimulatedService& service = service_of(*member);
  service.partitions = member->shape.partitions;
  if (Member* old = service.of_node(member->options.node)) {
    old->ended = Error{ErrorCode::fenced, "a newer session of " + printable(old->name()) + " took over"};
    std::vector<PartitionId> inherited;
    for (auto& [partition, owned] : old->owned) {
      *owned.readable = false;
      if (owned.hold != Hold::lost) inherited.push_back(partition);
    }
    old->owned.clear();
    old->flight.reset();
    old->notify();
    std::erase_if(service.members, [&](const auto& m) { return m.get() == old; });
    service.members.push_back(member);
    give(*member, inherited);
    place_orphans(service);
    return;
  }
  service.members.push_back(member);
  place_orphans(service);
  const std::size_t share = service.partitions / service.members.size();
  for (std::size_t promised = 0; member->share() + promised < share; ++promised) {
    const auto& richest = *std::max_element(
        service.members.begin(), service.members.end(),
        [](const auto& a, const auto& b) { return (a->dead ? 0 : a->share()) < (b->dead ? 0 : b->share()); });
    if (richest == member || richest->dead || richest->share() <= member->share() + promised) break;
    const auto last = std::find_if(richest->owned.rbegin(), richest->owned.rend(), [](const auto& entry) {
      return entry.second.hold == Hold::active || entry.second.hold == Hold::restoring;
    });
    service.heirs[last->first] = member;
    revoke(*richest, last->first);
  }
}

void SimulatedImpl::give(Member& member, const std::vector<PartitionId>& partitions) {
  if (partitions.empty()) return;
  member.events.emplace_back(Assigned{partitions});
  for (const PartitionId partition : partitions) {
    note(member, "gets partition " + std::to_string(partition.value));
    auto& owned = member.owned[partition] = {};
    const Duration wait = chance.up_to(faults.max_restore_time);
    if (wait == Duration(0)) {
      restored(member, partition, owned);
    } else {
      owned.restored_at = clock.now() + wait;
      member.events.emplace_back(Restoring{partition, 0, 1});
    }
  }
  member.notify();
}

void SimulatedImpl::restored(Member& member, PartitionId partition, Member::Owned& owned) {
  owned.hold = Hold::active;
  owned.restored_at.reset();
  const SimulatedService& service = service_of(member);
  for (const TopicIndex topic : member.shape.inputs)
    if (member.shape.reads(topic, partition))
      owned.cursor[topic] = service.position(member.options.topics[topic.value], partition);
  Restored event{partition, make_simulated_reader(shared_from_this(), member, partition, owned.readable)};
  for (const auto& [topic, next] : owned.cursor) event.positions.push_back({topic, next});
  member.events.emplace_back(std::move(event));
  member.notify();
}

void SimulatedImpl::revoke(Member& member, PartitionId partition) {
  trace.fired("revoked");
  note(member, "is to give up partition " + std::to_string(partition.value));
  auto& owned = member.owned.at(partition);
  owned.hold = Hold::revoked;
  owned.restored_at.reset();
  member.events.emplace_back(Revoked{{partition}});
  member.notify();
}

void SimulatedImpl::lose(Member& member, PartitionId partition) {
  trace.fired("lost");
  note(member, "loses partition " + std::to_string(partition.value));
  auto& owned = member.owned.at(partition);
  owned.hold = Hold::lost;
  owned.restored_at.reset();
  *owned.readable = false;
  service_of(member).heirs.erase(partition);
  member.events.emplace_back(Lost{{partition}});
  member.notify();
}

void SimulatedImpl::release(Member& member, const std::vector<PartitionId>& partitions) {
  SimulatedService& service = service_of(member);
  for (const PartitionId partition : partitions) {
    const auto it = member.owned.find(partition);
    if (it == member.owned.end() || (it->second.hold != Hold::lost && it->second.hold != Hold::revoked))
      continue;
    note(member, "lets partition " + std::to_string(partition.value) + " go");
    const bool was_lost = it->second.hold == Hold::lost;  // and may have another owner by now
    *it->second.readable = false;
    member.owned.erase(it);
    const auto heir = service.heirs.find(partition);
    if (was_lost || heir == service.heirs.end()) continue;
    const auto next = heir->second.lock();
    service.heirs.erase(heir);
    if (next && !next->ended && !next->dead && !next->owned.contains(partition)) give(*next, {partition});
  }
  place_orphans(service);
}

void SimulatedImpl::leave(const std::shared_ptr<Member>& member) {
  SimulatedService& service = service_of(*member);
  if (std::erase(service.members, member) == 0) return;
  note(*member, "leaves");
  for (auto& [partition, owned] : member->owned) *owned.readable = false;
  member->owned.clear();
  place_orphans(service);
}

// Gives each partition without an owner to the member with the fewest, except while a member has not released
// it.
void SimulatedImpl::place_orphans(SimulatedService& service) {
  std::map<Member*, std::vector<PartitionId>> gifts;
  for (std::uint32_t p = 0; p < service.partitions; ++p) {
    if (service.owner(PartitionId{p})) continue;
    Member* poorest = nullptr;
    for (const auto& member : service.members) {
      if (member->dead || member->ended || member->owned.contains(PartitionId{p})) continue;
      const auto has = [&](Member* m) { return m->share() + gifts[m].size(); };
      if (!poorest || has(member.get()) < has(poorest)) poorest = member.get();
    }
    if (poorest) gifts[poorest].push_back(PartitionId{p});
  }
  for (const auto& member : service.members)  // in an order that does not depend on addresses
    if (const auto it = gifts.find(member.get()); it != gifts.end()) give(*member, it->second);
}

}  // namespace eventy::testing::detail
