// The members of a service and the partitions that they own, and the commands of the memory store.
#include <algorithm>
#include <stdexcept>

#include "eventy/store/start.hpp"
#include "memory_impl.hpp"

namespace eventy {

using detail::MemoryMember;
using Hold = detail::MemoryMember::Hold;

std::size_t MemoryMember::held_partitions() const {
  return static_cast<std::size_t>(std::count_if(owned.begin(), owned.end(), [](const auto& entry) {
    return entry.second.hold == Hold::active || entry.second.hold == Hold::restoring;
  }));
}

MemoryMember* detail::MemoryImpl::owner(Service& service, PartitionId partition) {
  for (const auto& member : service.members) {
    auto it = member->owned.find(partition);
    if (it != member->owned.end() && it->second.hold != Hold::lost) return member.get();
  }
  return nullptr;
}

void detail::MemoryImpl::give(Service& service, Member& member, const std::vector<PartitionId>& partitions) {
  if (partitions.empty()) return;
  member.events.emplace_back(Assigned{partitions});
  for (const PartitionId partition : partitions) {
    auto& owned = member.owned[partition] = {};
    owned.readable = std::make_shared<std::atomic<bool>>(true);
    if (service.hold_restore) {
      member.events.emplace_back(Restoring{partition, 0, 1});
    } else {
      restored(service, member, partition);
    }
  }
  member.notify();
}

void detail::MemoryImpl::restored(Service& service, Member& member, PartitionId partition) {
  auto& owned = member.owned.at(partition);
  owned.hold = Hold::active;
  for (const TopicIndex topic : member.shape.inputs) {
    if (!member.shape.reads(topic, partition)) continue;
    auto it = service.positions.find({member.options.topics[topic.value], partition});
    owned.cursor[topic] = it == service.positions.end() ? Offset{} : it->second;
  }
  Restored event{partition, detail::make_memory_reader(self.lock(), member, partition, owned.readable)};
  for (const auto& [topic, next] : owned.cursor) event.positions.push_back({topic, next});
  member.events.emplace_back(std::move(event));
}

// Where nothing is committed, a first position is.
Result<void> detail::MemoryImpl::start(const SessionOptions& options, const SessionShape& shape) {
  std::map<std::pair<std::string, PartitionId>, Offset> started;
  const auto& positions = services[options.service].positions;
  for (const TopicIndex input : shape.inputs) {
    const std::string& name = options.topics[input.value];
    const auto& logs = topics.at(name);
    for (std::uint32_t p = 0; p < logs.size(); ++p) {
      if (positions.contains({name, {p}})) continue;
      const auto read = [&](Offset from) { return logs[p].read(input, {p}, from, {}); };
      auto at = start_by_reading(options, name, {p}, {{}, logs[p].end}, read);
      if (!at) return at.error();
      started[{name, {p}}] = *at;
    }
  }
  services[options.service].positions.merge(started);
  return {};
}

std::shared_ptr<MemoryMember> detail::MemoryImpl::join(const std::shared_ptr<Member>& member) {
  Service& service = services[member->options.service];
  for (const auto& other : std::vector(service.members)) {
    if (other->options.node != member->options.node) continue;
    other->ended =
        Error{ErrorCode::fenced, "a newer session of service " + printable(member->options.service) +
                                     " on node " + printable(member->options.node) + " took over"};
    std::vector<PartitionId> inherited;
    for (auto& [partition, owned] : other->owned) {
      owned.readable->store(false);
      if (owned.hold != Hold::lost) inherited.push_back(partition);
    }
    std::erase(service.members, other);
    other->owned.clear();
    other->notify();
    service.members.push_back(member);
    give(service, *member, inherited);
    return member;
  }

  service.members.push_back(member);
  std::vector<PartitionId> free;
  for (std::uint32_t p = 0; p < member->shape.partitions; ++p) {
    if (!owner(service, PartitionId{p})) free.push_back(PartitionId{p});
  }
  give(service, *member, free);
  const std::size_t share = member->shape.partitions / service.members.size();
  std::size_t promised = 0;
  while (member->held_partitions() + promised < share) {
    auto richest = *std::max_element(
        service.members.begin(), service.members.end(),
        [](const auto& a, const auto& b) { return a->held_partitions() < b->held_partitions(); });
    if (richest == member || richest->held_partitions() <= member->held_partitions() + promised) break;
    for (auto it = richest->owned.rbegin(); it != richest->owned.rend(); ++it) {
      if (it->second.hold != Hold::active && it->second.hold != Hold::restoring) continue;
      service.heirs[it->first] = member;
      revoke(*richest, it->first);
      ++promised;
      break;
    }
  }
  return member;
}

void detail::MemoryImpl::revoke(Member& member, PartitionId partition) {
  member.owned.at(partition).hold = Hold::revoked;
  member.events.emplace_back(Revoked{{partition}});
  member.notify();
}

void detail::MemoryImpl::lose(Member& member, PartitionId partition) {
  auto& owned = member.owned.at(partition);
  owned.hold = Hold::lost;
  owned.readable->store(false);
  member.events.emplace_back(Lost{{partition}});
  member.notify();
}

void detail::MemoryImpl::release(Member& member, const std::vector<PartitionId>& partitions) {
  Service& service = services[member.options.service];
  std::map<Member*, std::vector<PartitionId>> gifts;
  for (const PartitionId partition : partitions) {
    auto it = member.owned.find(partition);
    if (it == member.owned.end()) continue;
    const bool was_lost = it->second.hold == Hold::lost;
    it->second.readable->store(false);
    member.owned.erase(it);
    auto heir = service.heirs.find(partition);
    if (was_lost || heir == service.heirs.end()) continue;
    if (auto next = heir->second.lock(); next && !next->ended) gifts[next.get()].push_back(partition);
    service.heirs.erase(heir);
  }
  for (auto& [next, gift] : gifts) give(service, *next, gift);
}

void detail::MemoryImpl::leave(const std::shared_ptr<Member>& member) {
  Service& service = services[member->options.service];
  if (std::erase(service.members, member) == 0) return;
  std::map<Member*, std::vector<PartitionId>> gifts;
  for (auto& [partition, owned] : member->owned) {
    owned.readable->store(false);
    if (owned.hold == Hold::lost || service.members.empty()) continue;
    auto poorest =
        *std::min_element(service.members.begin(), service.members.end(), [&](const auto& a, const auto& b) {
          return a->held_partitions() + gifts[a.get()].size() < b->held_partitions() + gifts[b.get()].size();
        });
    gifts[poorest.get()].push_back(partition);
    service.heirs.erase(partition);
  }
  member->owned.clear();
  for (auto& [next, gift] : gifts) give(service, *next, gift);
}

void MemoryStore::revoke(const std::string& service, PartitionId partition) {
  std::lock_guard lock(impl_->mutex);
  auto* owner = impl_->owner(impl_->services[service], partition);
  if (!owner) throw std::invalid_argument("revoke: nobody owns partition " + std::to_string(partition.value));
  impl_->revoke(*owner, partition);
}

void MemoryStore::lose(const std::string& service, PartitionId partition) {
  std::lock_guard lock(impl_->mutex);
  auto* owner = impl_->owner(impl_->services[service], partition);
  if (!owner) throw std::invalid_argument("lose: nobody owns partition " + std::to_string(partition.value));
  impl_->lose(*owner, partition);
}

void MemoryStore::assign(const std::string& service, const std::string& node, PartitionId partition) {
  std::lock_guard lock(impl_->mutex);
  auto& entry = impl_->services[service];
  if (impl_->owner(entry, partition))
    throw std::invalid_argument("assign: partition " + std::to_string(partition.value) + " has an owner");
  for (const auto& member : entry.members) {
    if (member->options.node == node) return impl_->give(entry, *member, {partition});
  }
  throw std::invalid_argument("assign: no session of node " + node);
}

void MemoryStore::hold_restore(const std::string& service, bool hold) {
  std::lock_guard lock(impl_->mutex);
  auto& entry = impl_->services[service];
  entry.hold_restore = hold;
  if (hold) return;
  for (const auto& member : entry.members) {
    for (auto& [partition, owned] : member->owned) {
      if (owned.hold == Hold::restoring) impl_->restored(entry, *member, partition);
    }
    member->notify();
  }
}

void MemoryStore::fail_poll(const std::string& service, Error error) {
  std::lock_guard lock(impl_->mutex);
  for (const auto& member : impl_->services[service].members) {
    member->ended = error;
    member->notify();
  }
}

void MemoryStore::next_commit(const std::string& service, CommitFate fate) {
  std::lock_guard lock(impl_->mutex);
  impl_->services[service].fates.push_back(fate);
}

void MemoryStore::resume_commit(const std::string& service) {
  std::lock_guard lock(impl_->mutex);
  for (const auto& member : impl_->services[service].members) {
    if (!member->in_flight || member->in_flight->fate != CommitFate::held) continue;
    impl_->apply(*member, CommitFate::commits, std::move(member->in_flight->held));
    member->notify();
  }
}

}  // namespace eventy
